import { afterAll, beforeAll, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../activities/connectors/postgres/postgres-connector.ts';
import { startClones, type Clone, type Clones } from '../../corpus/clones.ts';
import { countsOf, reportOf, wrongOf, type Tried } from '../../corpus/report.ts';
import { findRegressSql } from './regress-source.ts';
import { createRegressTemplate, tryScript } from './regress.ts';

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
  'triggers',
  'inherit',
  'foreign_key',
  'generated',
  'identity',
  'domain',
  'rules',
  'constraints',
  'subselect',
  'partition_prune',
  'rangetypes',
  'multirangetypes',
  'jsonb',
  'numeric',
  'timestamptz',
  'bit',
  'money',
  'truncate',
  'updatable_views',
  'rowsecurity',
];

const source = await findRegressSql();
/** Where nobody reads what was skipped, all of it is tried or the run fails. */
const isMandatory = process.env['CI'] === 'true';
const folder = typeof source === 'string' ? '' : source.folder;
const connector = createPostgresConnector();
const all: Tried[] = [];
let clones: Clones;
let template: Clone;

beforeAll(async () => {
  clones = await startClones();
  if (folder !== '') template = await createRegressTemplate({ clones, connector, folder });
});

afterAll(async () => {
  process.stdout.write(typeof source === 'string' ? `\n!!! NOT TESTED: ${source}\n\n` : `${countsOf(all)}\n`);
  await clones.stop();
});

it("has PostgreSQL's own statements to try", ({ skip }) => {
  if (typeof source !== 'string') return;
  if (isMandatory) expect.fail(source);
  skip(`NOT TESTED: ${source}`);
});

it.skipIf(folder === '').concurrent.each(SCRIPTS)(
  "%s: what is planned, run directly, executed and undone agree for PostgreSQL's own statements",
  async (script) => {
    const tried = await tryScript({ clones, connector, folder }, template, script);
    all.push(...tried);
    process.stdout.write(`${reportOf(tried)}\n`);
    expect(wrongOf(tried)).toEqual([]);
  },
);

it.skipIf(folder === '')('they are at least five hundred', () => {
  expect(all.length).toBeGreaterThanOrEqual(500);
});
