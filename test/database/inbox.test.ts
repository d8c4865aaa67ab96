import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { DataSource } from 'typeorm';

import { createDataSource } from '../../database/data-source.ts';
import {
  countPending,
  listPending,
  PENDING_COUNTED_MAX,
  type InboxFilter,
  type InboxOwner,
} from '../../database/inbox.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let api: DataSource;
let owner: DataSource;
beforeAll(async () => {
  const { keyturn } = await createDatabases(`inbox_${takeNumber()}`);
  const open = (url: string) => createDataSource({ url, applicationName: 'test' }).initialize();
  [api, owner] = [await open(keyturn.api), await open(keyturn.admin)];
  await fill();
});
afterAll(async () => {
  vi.restoreAllMocks();
  await Promise.all([api, owner].map((source) => source.destroy()));
});

const PENDING = 5_000;
const CLOSED = 60_000;
/** So many of the pending ones, the oldest, are for a few people. */
const RARE = 5;

/** Pending ones lie between closed ones, and expire in another order than they came in. */
async function fill(): Promise<void> {
  await owner.query(
    `insert into keyturn.request (id, run_id, envelope, action, schema_version, target, environment, mode,
       intent_digest, lineage, requester_issuer, requester_subject, creation_policy_digest, status, round,
       requirement, open_selectors, expires_at, created_at, updated_at)
     select 'req_' || lpad(n::text, 26, '0'), 'run', repeat(md5(n::text), 30), 'action', 1, 'target-' || n % 100, 'prod',
       'execute', 'x', '[{"issuer": "https://issuer.test", "subject": "agent"}]', 'https://issuer.test', 'agent', 'x',
       case when is_pending then 'pending' else 'succeeded' end, 1,
       jsonb_build_object('rules', jsonb_build_array(jsonb_build_object('stages', jsonb_build_array(
         jsonb_build_object('any', selectors, 'quorum', 1, 'escalate', '[]'::jsonb))))),
       case when is_pending then selectors else '{}' end,
       now() + (n::bigint * 7919 % 30011) * interval '1 s', timestamptz '2026-01-01Z' + n * interval '1 s', now()
     from generate_series(1, $1::int) n,
       lateral (values (n % $2 = 0, case when n <= $2 * $3 then '{group:dba,group:rare}'::text[] else '{group:dba}' end))
         about (is_pending, selectors)`,
    [PENDING + CLOSED, (PENDING + CLOSED) / PENDING, RARE],
  );
  await owner.query('vacuum analyze keyturn.request');
}

function member(group: string): InboxOwner {
  const accounts = [{ issuer: 'https://issuer.test', subject: 'olga' }];
  return { selectors: [group], names: [group], targets: [], actions: [], accounts };
}

/** What a node of a plan did, in numbers. */
interface PlanNode extends Readonly<Record<string, unknown>> {
  readonly Plans?: readonly PlanNode[];
}

async function planOf(statement: readonly unknown[] | undefined): Promise<PlanNode> {
  const [text, values] = statement ?? [];
  const [answer] = await api.manager.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }[]>(
    `explain (analyze, buffers, format json) ${String(text)}`,
    values as unknown[],
  );
  return answer?.['QUERY PLAN'][0]?.Plan ?? {};
}

/** Blocks of the database that a statement takes. */
async function blocksOf(statement: readonly unknown[] | undefined): Promise<number> {
  const plan = await planOf(statement);
  return Number(plan['Shared Hit Blocks']) + Number(plan['Shared Read Blocks']);
}

/** Rows that the nodes of a plan looked at, each time that they ran. */
function rowsLookedAt({ Plans: nodes = [], ...node }: PlanNode): number {
  const rows = ['Actual Rows', 'Rows Removed by Filter', 'Rows Removed by Join Filter'];
  const each = rows.reduce((sum, name) => sum + Number(node[name] ?? 0), 0);
  return nodes.reduce((sum, other) => sum + rowsLookedAt(other), each * Number(node['Actual Loops']));
}

it.each<readonly [InboxFilter['scope'], string, InboxFilter['sort'], number]>([
  ['open', 'group:dba', 'newest', 50],
  ['open', 'group:dba', 'deadline', 50],
  ['open', 'group:rare', 'newest', RARE],
  ['open', 'group:rare', 'deadline', RARE],
  ['open', 'group:none', 'deadline', 0],
  ['named', 'group:dba', 'newest', 50],
  ['named', 'group:dba', 'deadline', 50],
  ['named', 'group:rare', 'newest', RARE],
  ['named', 'group:none', 'deadline', 0],
  ['all', 'group:none', 'newest', 50],
  ['all', 'group:none', 'deadline', 50],
])(
  'a page of %s for %s, %s first, reads as much as it shows, however many are pending or over',
  async (...[scope, group, sort, found]) => {
    const query = vi.spyOn(api.manager, 'query');
    const counts = await countPending(api.manager, member(group));
    const page = { after: null, limit: 50 };
    const filter = { scope, sort, search: null };
    const listed = await listPending(api.manager, { owner: member(group), filter, counts }, page);
    const [ofCount, ofList] = query.mock.calls;
    query.mockRestore();
    expect(listed).toHaveLength(found);
    expect(await blocksOf(ofList)).toBeLessThan(300);
    // A block a row that is counted, and some of indexes.
    expect(await blocksOf(ofCount)).toBeLessThan(3 * (PENDING_COUNTED_MAX + 50));
  },
);

it('a search by what many people are called looks at each request once, and not at all of those people for each', async () => {
  const accounts = Array.from({ length: 5_000 }, (_, index) => ({
    issuer: 'https://issuer.test',
    subject: `person-${index}`,
  }));
  const query = vi.spyOn(api.manager, 'query');
  const counts = { open: 0, named: 0, all: PENDING_COUNTED_MAX };
  const filter = { scope: 'all', sort: 'newest', search: { text: 'nowhere', accounts } } as const;
  const page = { after: null, limit: 50 };
  const found = await listPending(api.manager, { owner: member('group:dba'), filter, counts }, page);
  const [ofList] = query.mock.calls;
  query.mockRestore();
  expect(found).toEqual([]);
  // The request and its member, each of which is read and dropped.
  expect(rowsLookedAt(await planOf(ofList))).toBeLessThan(5 * PENDING);
});

it('counts stop where nobody has to know how many more there are', async () => {
  const all = { open: PENDING_COUNTED_MAX, named: PENDING_COUNTED_MAX, all: PENDING_COUNTED_MAX };
  expect(await countPending(api.manager, member('group:dba'))).toEqual(all);
  expect(await countPending(api.manager, member('group:rare'))).toEqual({ ...all, open: RARE, named: RARE });
});
