import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  HARMLESS_IN_DEFAULTS,
  HARMLESS_FUNCTIONS,
} from '../../../../activities/connectors/postgres/harmless-functions.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;

beforeAll(async () => {
  bank = await startTargetDatabase();
});

afterAll(async () => {
  await bank.stop();
});

async function namesOf(names: ReadonlySet<string>, condition = 'true'): Promise<readonly string[]> {
  const rows = await bank.rows<{ name: string }>(
    `select distinct proname::text as name from pg_proc
      where pronamespace = 'pg_catalog'::regnamespace and proname = any ($1) and ${condition} order by 1`,
    [[...names]],
  );
  return rows.map(({ name }) => name);
}

describe('the list of harmless functions', () => {
  it('names functions that exist, spelled as PostgreSQL spells them', async () => {
    const known = new Set(await namesOf(HARMLESS_IN_DEFAULTS));
    expect([...HARMLESS_IN_DEFAULTS].filter((name) => !known.has(name))).toEqual([]);
  });

  it('holds no volatile function but those that only make a value up or measure', async () => {
    expect(await namesOf(HARMLESS_FUNCTIONS, "provolatile = 'v'")).toEqual(
      [
        'array_sample array_shuffle clock_timestamp gen_random_uuid pg_indexes_size pg_relation_size',
        'pg_table_size pg_total_relation_size random random_normal timeofday uuidv4 uuidv7',
      ].flatMap((line) => line.split(' ')),
    );
  });

  it('holds none that runs SQL, reads files, waits, locks, signals or changes the session', () => {
    const harmful =
      /^(pg_(sleep|advisory|try|read|ls|stat|notify|terminate|cancel|logical|rotate|reload|export|switch)|lo_|dblink|query_to|table_to_xml|schema_to|database_to|cursor_to|set_config|setseed|setval|nextval|currval|lastval|ts_stat|ts_rewrite|txid|current_setting|lo)/;
    expect(
      [...HARMLESS_FUNCTIONS].filter((name) => harmful.test(name) && !['log', 'log10'].includes(name)),
    ).toEqual(['lower', 'lower_inc', 'lower_inf']);
  });
});
