import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let admin: Client;
beforeAll(async () => {
  const { keyturn } = await createDatabases(`functions_${takeNumber()}`);
  admin = new Client({ connectionString: keyturn.admin });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
});

async function functionsThat(condition: string): Promise<readonly string[]> {
  const { rows } = await admin.query<{ name: string }>(
    `select proname as name from pg_proc join pg_namespace on pg_namespace.oid = pronamespace
     where nspname = 'keyturn' and ${condition} order by 1`,
  );
  return rows.map(({ name }) => name);
}

describe('functions of the database', () => {
  it('that act as the owner see no schema that a caller could fill, temporary tables last', async () => {
    expect((await functionsThat('prosecdef')).length).toBeGreaterThan(8);
    const pinned = `proconfig @> array['search_path=pg_catalog, pg_temp']`;
    expect(await functionsThat(`prosecdef and not coalesce(${pinned}, false)`)).toEqual([]);
  });

  it('are for the roles that they are granted to, and never for everybody', async () => {
    expect(await functionsThat(`has_function_privilege('public', pg_proc.oid, 'execute')`)).toEqual([]);
  });
});
