import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { DataSource } from 'typeorm';

import { createDataSource } from '../../database/data-source.ts';
import { listRequests, type ListFilter, type ListSearch } from '../../database/request-list.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let api: DataSource;
let owner: DataSource;
beforeAll(async () => {
  const { keyturn } = await createDatabases(`list_${takeNumber()}`);
  const open = (url: string) => createDataSource({ url, applicationName: 'test' }).initialize();
  [api, owner] = [await open(keyturn.api), await open(keyturn.admin)];
  await fill();
});
afterAll(async () => {
  vi.restoreAllMocks();
  await Promise.all([api, owner].map((source) => source.destroy()));
});

const ROWS = 20_000;
const OLD = ROWS / 10;

/** A second between one and the next. What is old, a tenth, differs from what is new in everything. */
async function fill(): Promise<void> {
  await owner.query(
    `insert into keyturn.request (id, run_id, envelope, action, schema_version, target, environment, mode,
       intent_digest, lineage, requester_issuer, requester_subject, creation_policy_digest, status, round,
       created_at, updated_at)
     select 'req_' || lpad(n::text, 26, '0'), 'run', repeat(md5(n::text), 30), 'action-' || age, 1, 'target-' || age,
       'environment-' || age, 'execute', 'x', '[]', 'https://issuer.test', 'agent', 'x', status, 1,
       timestamptz '2026-01-01Z' + n * interval '1 s', now()
     from generate_series(1, $1::int) n,
       lateral (values (case when n <= $2 then 'old' else 'new' end, case when n <= $2 then 'denied' else 'failed' end))
         named (age, status)`,
    [ROWS, OLD],
  );
  await owner.query('vacuum analyze keyturn.request');
}

const ALL: ListFilter = {
  status: null,
  action: null,
  target: null,
  environment: null,
  lineage: null,
  from: null,
  to: null,
  search: null,
};

const NOWHERE: ListSearch = {
  id: 'none',
  actions: ['none'],
  targets: ['none'],
  environments: ['none'],
  accounts: [{ issuer: 'https://issuer.test', subject: 'none' }],
  summary: null,
};

it('a search for what many names have is no longer statement, and finds all the same', async () => {
  const query = vi.spyOn(api.manager, 'query');
  const texts = new Set<unknown>();
  for (const many of [100, 2_000]) {
    const names = Array.from({ length: many }, (_, n) => `none-${n}`);
    const search = { ...NOWHERE, actions: names, targets: [...names, 'target-old'], environments: names };
    const found = await listRequests(api.manager, { ...ALL, search }, { after: null, limit: 50 });
    expect(found.map(({ target }) => target)).toEqual(Array(50).fill('target-old'));
    texts.add(query.mock.lastCall?.[0]);
  }
  query.mockRestore();
  expect(texts.size).toBe(1);
});

/** Blocks of the database that a page of 50 takes. */
async function blocksOf(filter: Partial<ListFilter>): Promise<{ found: number; blocks: number }> {
  const query = vi.spyOn(api.manager, 'query');
  const { length: found } = await listRequests(
    api.manager,
    { ...ALL, ...filter },
    { after: null, limit: 50 },
  );
  const [text, values] = query.mock.lastCall ?? [''];
  query.mockRestore();
  const [answer] = await api.manager.query<{ 'QUERY PLAN': { Plan: Record<string, number> }[] }[]>(
    `explain (analyze, buffers, format json) ${text}`,
    values,
  );
  const plan = answer?.['QUERY PLAN'][0]?.Plan;
  return { found, blocks: (plan?.['Shared Hit Blocks'] ?? NaN) + (plan?.['Shared Read Blocks'] ?? NaN) };
}

it.each<[string, Partial<ListFilter>, number]>([
  ['without a filter', {}, 50],
  ['of a status', { status: 'denied' }, 50],
  ['of a status that none has', { status: 'executing' }, 0],
  ['of an action', { action: 'action-old' }, 50],
  ['of an action that none has', { action: 'none' }, 0],
  ['of a target', { target: 'target-old' }, 50],
  ['of a target that none has', { target: 'none' }, 0],
  ['of an environment', { environment: 'environment-old' }, 50],
  ['of an environment that none has', { environment: 'none' }, 0],
  ['of a time', { from: '2026-01-01T00:10:00Z', to: '2026-01-01T00:10:30Z' }, 30],
  ['of a status before a time', { status: 'denied', to: '2026-01-01T00:10:00Z' }, 50],
  ['found by nothing', { search: NOWHERE }, 0],
  ['found by the names of old ones', { search: { ...NOWHERE, actions: ['action-old', 'x'] } }, 50],
  ['found by the names of all', { search: { ...NOWHERE, targets: ['target-old', 'target-new'] } }, 50],
  ['found by an id', { search: { ...NOWHERE, id: `req_${'7'.padStart(26, '0')}` } }, 1],
])('a list %s reads as much as its page needs, wherever in the table that is', async (_, filter, found) => {
  const page = await blocksOf(filter);
  expect(page.found).toBe(found);
  // A search goes several ways, and looks up what each finds.
  expect(page.blocks).toBeLessThan(filter.search ? 400 : 100);
});
