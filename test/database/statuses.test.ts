import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';

import { Client } from 'pg';
import { expect, it } from 'vitest';

import { refuseEnded } from '../../apps/cli/exit.ts';
import * as request from '../../domain/request/status.ts';
import { HAPPENED, OPEN, REQUEST_STATUSES, UNDECIDED } from '../../domain/request/status.ts';
import { DECIDED, FINISHED } from '../../sdk/statuses.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

const QUOTED = String.raw`'\w+'(?:::text)?`;

/** Lists of nothing but statuses. */
function listsIn(text: string): string[][] {
  return [...text.matchAll(new RegExp(`${QUOTED}(?:,\\s*${QUOTED})+`, 'g'))]
    .map(([list]) => [...list.matchAll(/'(\w+)'/g)].map(([, word = '']) => word))
    .filter((words) => words.every((word) => (REQUEST_STATUSES as readonly string[]).includes(word)));
}

const sorted = (words: Iterable<string>): string => [...words].toSorted().join(' ');

const NAMED = Object.values(request)
  .filter((one): one is readonly request.RequestStatus[] => Array.isArray(one))
  .map(sorted);

it('the database has every status, and lists none but named sets of them', async () => {
  const { keyturn } = await createDatabases(`statuses_${takeNumber()}`);
  const client = new Client({ connectionString: keyturn.admin });
  await client.connect();
  const { rows } = await client.query<{ text: string }>(
    `select pg_get_functiondef(oid) as text from pg_proc where pronamespace in ('keyturn'::regnamespace, 'audit'::regnamespace)
     union all select indexdef from pg_indexes where schemaname = 'keyturn'
     union all select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'keyturn.request'::regclass`,
  );
  await client.end();
  const lists = rows.flatMap(({ text }) => listsIn(text)).map(sorted);
  expect(lists).toContain(sorted(REQUEST_STATUSES));
  expect(lists).toContain(sorted(OPEN));
  expect(lists.filter((list) => !NAMED.includes(list))).toEqual([]);
});

/** The SDK is compared below. */
const OWN = [
  'domain/request/status.ts',
  'domain/request/steps.ts',
  'sdk/statuses.ts',
  // Of the same words, but other things: outcomes of tests, phases of a log, what people found out.
  'policy-authoring/policy-test-review.ts',
  'domain/audit/verification/course.ts',
  'domain/policy/policy.ts',
];

it('no other product code lists statuses', async () => {
  const found: string[] = [];
  const rooms =
    '{contract,domain,policy-authoring,policy-files,configuration,activities,workflows,database,sdk,apps}';
  for await (const file of glob(`${rooms}/**/*.ts`)) {
    if (OWN.includes(file) || file.startsWith('database/migrations/')) continue;
    const lists = listsIn(readFileSync(file, 'utf8'));
    found.push(...lists.map((list) => `${file}: ${list.join(' ')}`));
  }
  expect(found).toEqual([]);
});

it('the SDK, which keeps its own sets, knows every status', () => {
  expect(sorted(FINISHED)).toBe(sorted(REQUEST_STATUSES.filter((status) => !OPEN.includes(status))));
  expect(sorted(DECIDED)).toBe(sorted(REQUEST_STATUSES.filter((status) => !UNDECIDED.includes(status))));
});

it('a command ends with a code of its own for whatever ended without its known effect', () => {
  for (const status of REQUEST_STATUSES.filter(request.isFinal)) {
    if (HAPPENED.includes(status) && status !== 'indeterminate') continue;
    expect(() => refuseEnded(status), status).toThrow();
  }
});
