import { afterAll, beforeAll, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../activities/connectors/postgres/postgres-connector.ts';
import { startClones, type Clones } from '../../corpus/clones.ts';
import { countsOf, reportOf, wrongOf, type Tried } from '../../corpus/report.ts';
import { findRegressSql } from './regress-source.ts';
import { tryScript } from './regress.ts';

const SCRIPTS = [
  'insert',
  'update',
  'delete',
  'merge',
  'insert_conflict',
  'with',
  'returning',
  'rowtypes',
  'arrays',
  'domain',
  'triggers',
  'rules',
  'updatable_views',
  'inherit',
  'partition_prune',
  'foreign_key',
  'generated',
  'identity',
  'rowsecurity',
  'privileges',
  'numeric',
  'float8',
  'date',
  'timestamp',
  'timestamptz',
  'json',
  'jsonb',
  'enum',
  'constraints',
  'rangetypes',
  'multirangetypes',
  'subselect',
  'join',
  'money',
  'bit',
  'char',
  'uuid',
  'union',
  'alter_table',
  'truncate',
  'sequence',
  'plpgsql',
  'xml',
  'copy2',
  'point',
  'interval',
  'strings',
  'collate',
];

const source = await findRegressSql();
if (typeof source === 'string') process.stderr.write(`\n!!! SKIPPED, not tested: ${source}\n`);
const folder = typeof source === 'string' ? '' : source.folder;
const connector = createPostgresConnector();
const all: Tried[] = [];
let clones: Clones;

beforeAll(async () => {
  clones = await startClones();
});

afterAll(async () => {
  process.stdout.write(`${countsOf(all)}\n`);
  await clones.stop();
});

it.skipIf(folder === '').each(SCRIPTS)(
  "%s: what is planned, run directly, executed and undone agree for PostgreSQL's own statements",
  async (script) => {
    const tried = await tryScript({ clones, connector, folder }, script);
    all.push(...tried);
    process.stdout.write(`${reportOf(tried)}\n`);
    expect(wrongOf(tried)).toEqual([]);
  },
);

it.skipIf(folder === '')('they are at least five hundred', () => {
  expect(all.length).toBeGreaterThanOrEqual(500);
});
