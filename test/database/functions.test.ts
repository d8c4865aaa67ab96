import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createDataSource } from '../../database/data-source.ts';
import { missingFunctions } from '../../database/functions.ts';
import { HISTORY_QUERY } from '../../database/counted-facts.ts';
import { sqlIn } from '../../database/sql-files.ts';
import { root } from '../../scripts/servers/root.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

const files = sqlIn(pathToFileURL(path.join(root, 'database', 'functions/')));
let admin: Client;
let worker: DataSource;

beforeAll(async () => {
  const { keyturn } = await createDatabases(`functions_${takeNumber()}`);
  worker = await createDataSource({ url: keyturn.worker, applicationName: 'test' }).initialize();
  admin = new Client({ connectionString: keyturn.admin });
  await admin.connect();
});
afterAll(async () => {
  await worker.destroy();
  await admin.end();
});

interface Row {
  readonly value: string;
}

async function functionsThat(condition: string): Promise<readonly string[]> {
  const { rows } = await admin.query<Row>(
    `select format('%s.%s', nspname, proname) as value from pg_proc
       join pg_namespace on pg_namespace.oid = pronamespace
     where nspname in ('keyturn', 'audit') and ${condition} order by 1`,
  );
  return rows.map(({ value }) => value);
}

describe('functions of the database', () => {
  it('are those of their files, each once', async () => {
    const named = files.flatMap((text) =>
      [...text.matchAll(/^create or replace function ([a-z_.]+)/gm)].map(([, name]) => String(name)),
    );
    expect(named.toSorted()).toEqual(await functionsThat('true'));
    expect(files.join('').match(/^create /gm)).toHaveLength(named.length);
  });

  it('are seen to be of another version by the role of a program', async () => {
    expect(await missingFunctions(worker.manager)).toEqual([]);
    await admin.query(`create or replace function keyturn.is_operator(wanted text) returns boolean
      language sql stable as 'select true'`);
    await admin.query('alter function keyturn.keys_of rename to keys_of_before');
    expect(await missingFunctions(worker.manager)).toEqual(['keyturn.keys_of', 'keyturn.is_operator']);
    await admin.query('alter function keyturn.keys_of_before rename to keys_of');
    for (const text of files) await admin.query(text);
    expect(await missingFunctions(worker.manager)).toEqual([]);
  });

  it('have bodies that name what is there', async () => {
    await admin.query('begin; set local role keyturn_owner');
    for (const text of files) await admin.query(text);
    await admin.query('rollback');
  });

  it('that act as the owner see no schema that a caller could fill, temporary tables last', async () => {
    expect((await functionsThat('prosecdef')).length).toBeGreaterThan(8);
    const pinned = `proconfig @> array['search_path=pg_catalog, pg_temp']`;
    expect(await functionsThat(`prosecdef and not coalesce(${pinned}, false)`)).toEqual([]);
  });

  it('are for the roles that their files grant them to, and never for everybody', async () => {
    expect(await functionsThat(`has_function_privilege('public', pg_proc.oid, 'execute')`)).toEqual([]);
    const granted = files.flatMap((text) =>
      [...text.matchAll(/^grant execute on function (\S+) to (.+);$/gm)].flatMap(([, name, roles]) =>
        String(roles)
          .split(', ')
          .map((role) => `${name} ${role}`),
      ),
    );
    const { rows } = await admin.query<Row>(
      `select format('%s.%s %s', nspname, proname, grantee::regrole) as value from pg_proc
         join pg_namespace on pg_namespace.oid = pronamespace, aclexplode(proacl)
       where nspname in ('keyturn', 'audit') and grantee <> proowner`,
    );
    expect(rows.map(({ value }) => value).toSorted()).toEqual(granted.toSorted());
  });

  it('are for nobody but the owner when they are made', async () => {
    await admin.query(
      'begin; set local role keyturn_owner; create function keyturn.made() returns int return 1',
    );
    expect(
      await functionsThat(`proname = 'made' and proacl::text <> '{keyturn_owner=X/keyturn_owner}'`),
    ).toEqual([]);
    await admin.query('rollback');
  });

  it('number as many rows of answers on the spot as are counted', () => {
    const last = /generate_series\(0, (\d+)\)/.exec(HISTORY_QUERY)?.[1];
    expect(files.join('')).toContain(`for candidate in 0..${String(last)} loop`);
  });
});
