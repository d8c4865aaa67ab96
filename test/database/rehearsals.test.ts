import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DataSource } from 'typeorm';

import { createDataSource } from '../../database/data-source.ts';
import { beginRehearsal, endRehearsal, openRequests, rehearsalWait } from '../../database/rehearsals.ts';
import { budgetRoot, type BudgetRoot, type Budgets } from '../../domain/budgets.ts';
import type { Directory } from '../../domain/directory.ts';
import type { Lineage } from '../../domain/identity.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let worker: DataSource;
let api: DataSource;
let owner: DataSource;
beforeAll(async () => {
  const { keyturn } = await createDatabases(`rehearsals_${takeNumber()}`);
  const open = (url: string) => createDataSource({ url, applicationName: 'test' }).initialize();
  [worker, api, owner] = [await open(keyturn.worker), await open(keyturn.api), await open(keyturn.admin)];
});
afterAll(async () => {
  await Promise.all([worker, api, owner].map((source) => source.destroy()));
});

const BUDGETS: Budgets = { rehearsalsAtOnce: 2, secondsAnHour: 100, refusedAnHour: 2, openRequests: 5 };

const ISSUER = 'https://issuer.test';

/** Of Gil and of Hal, who have two agents each. */
const DIRECTORY: Directory = {
  people: ['gil', 'hal'].map((id) => ({
    id,
    name: id,
    active: true,
    accounts: [{ issuer: ISSUER, subject: id }],
  })),
  agents: ['gil', 'hal'].flatMap((owner) =>
    [1, 2].map((number) => {
      const id = `agent-${number}-of-${owner}`;
      return { id, name: id, active: true, issuer: ISSUER, subject: id, owner, acts_for_people: false };
    }),
  ),
  groups: [],
};

function lineageOf(subject: string, trigger?: string): Lineage {
  const requester = { role: 'requester' as const, issuer: ISSUER, subject };
  return trigger ? [requester, { role: 'trigger' as const, issuer: ISSUER, subject: trigger }] : [requester];
}

function rootOf(subject: string, trigger?: string): BudgetRoot {
  return budgetRoot(DIRECTORY, lineageOf(subject, trigger));
}

/** The wait of a new request. */
function wait(who: string, target: string): Promise<number> {
  return rehearsalWait(api.manager, { root: rootOf(who), target }, BUDGETS);
}

/** A request of somebody that was planned once, and stands as it is given. */
async function request(id: string, lineage: Lineage, status = 'pending'): Promise<void> {
  const [requester] = lineage;
  await owner.query(
    `insert into keyturn.request (id, run_id, envelope, action, schema_version, target, environment, mode,
       intent_digest, lineage, requester_issuer, requester_subject, creation_policy_digest, status, round,
       created_at, updated_at)
     values ($1, 'run', 'a.b.c', 'postgres.execute', 1, 'x', 'x', 'execute', 'x', $2, $3, $4, 'x', $5, 1, now(), now())`,
    [id, JSON.stringify(lineage), requester?.issuer, requester?.subject, status],
  );
}

function decide(id: string, verdict: string, outcome = 'counted'): Promise<unknown> {
  return owner.query(
    `insert into keyturn.decision (id, request, round, person, verdict, at, grade, seats, reviewer_issuer,
       reviewer_subject, channel, envelope, outcome, recorded_at)
     values ('dec_' || $1, $1, 1, 'ann', $2, now(), 'C', '[]', 'x', 'x', 'api', 'a.b.c', $3, clock_timestamp())`,
    [id, verdict, outcome],
  );
}

function end(id: string, status: string): Promise<unknown> {
  return owner.query('update keyturn.request set status = $2, updated_at = now() where id = $1', [
    id,
    status,
  ]);
}

/** Somebody's rehearsals, so many, all of them refused. */
async function refuse(who: string, target: string, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const id = `${who}-${target}-${index}`;
    expect(await begin(id, who, target)).toBe(0);
    await endRehearsal(worker.manager, id, true);
  }
}

function begin(request: string, who: string, target: string): Promise<number> {
  return beginRehearsal(worker.manager, { request, root: rootOf(who), target }, BUDGETS);
}

it('lets only so many run at once, however many ask at the same moment, and a place that is given back is free', async () => {
  const waits = await Promise.all(
    ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((request) => begin(`once-${request}`, 'ann', 'one')),
  );
  expect(waits.filter((seconds) => seconds === 0)).toHaveLength(2);
  expect(await begin('once-other', 'ben', 'one')).toBe(0);
  for (const request of 'abcdefgh') await endRehearsal(worker.manager, `once-${request}`, false);
  expect(await begin('once-again', 'ann', 'one')).toBe(0);
});

it('frees the place of a worker that died, when its lease is over or the request is planned again', async () => {
  expect(await begin('dead-1', 'cai', 'two')).toBe(0);
  expect(await begin('dead-1', 'cai', 'two')).toBe(0);
  expect(await begin('dead-2', 'cai', 'two')).toBe(0);
  expect(await begin('dead-3', 'cai', 'two')).toBe(1);
  await owner.query(
    "update keyturn.rehearsal set lease_until = clock_timestamp() - interval '1 s' where request = 'dead-2'",
  );
  expect(await begin('dead-3', 'cai', 'two')).toBe(0);
});

it('makes whoever had too many refused wait for the hour to pass, and nobody else', async () => {
  for (const request of ['no-1', 'no-2']) {
    expect(await begin(request, 'dee', 'three')).toBe(0);
    await endRehearsal(worker.manager, request, true);
  }
  expect(await begin('no-3', 'dee', 'three')).toBeGreaterThan(3_000);
  expect(await wait('dee', 'three')).toBeGreaterThan(3_000);
  expect(await wait('eli', 'three')).toBe(0);
  await owner.query(
    "update keyturn.rehearsal set started_at = started_at - interval '61 min', ended_at = ended_at - interval '61 min'",
  );
  expect(await wait('dee', 'three')).toBe(0);
});

it('counts the seconds of the hour', async () => {
  expect(await begin('long', 'fay', 'four')).toBe(0);
  await endRehearsal(worker.manager, 'long', false);
  await owner.query(
    "update keyturn.rehearsal set started_at = started_at - interval '101 s' where request = 'long'",
  );
  expect(await begin('longer', 'fay', 'four')).toBeGreaterThan(3_000);
});

it.each<[string, number, { verdict?: string; outcome?: string; status: string }]>([
  ['was withdrawn', 1, { status: 'cancelled' }],
  ['expired', 1, { status: 'expired' }],
  ['policy denied', 1, { status: 'denied' }],
  ['failed before anybody decided', 1, { status: 'failed' }],
  ['was withdrawn after somebody put it off', 1, { verdict: 'defer', status: 'cancelled' }],
  [
    'was withdrawn after a decision that did not count',
    1,
    { verdict: 'approve', outcome: 'refused', status: 'cancelled' },
  ],
  ['a person denied', 0, { verdict: 'deny', status: 'denied' }],
  ['was withdrawn after one approved', 0, { verdict: 'approve', status: 'cancelled' }],
  ['was performed', 0, { status: 'succeeded' }],
  ['is still open', 0, { status: 'approved' }],
])('counts the rehearsal of what %s as %i refused', async (what, refused, { verdict, outcome, status }) => {
  const target = `ended ${what}`;
  for (const index of [1, 2]) {
    const id = `${target} ${index}`;
    expect(await begin(id, 'ivy', target)).toBe(0);
    await endRehearsal(worker.manager, id, false);
    await request(id, lineageOf('ivy'));
    if (verdict) await decide(id, verdict, outcome);
    await end(id, status);
  }
  expect((await wait('ivy', target)) > 0).toBe(refused === 1);
  await owner.query('delete from keyturn.rehearsal');
});

it('has one budget for a person, their agents, and people whose token an agent got', async () => {
  const ids = [
    rootOf('gil'),
    rootOf('agent-1-of-gil'),
    rootOf('agent-2-of-gil'),
    rootOf('hal', 'agent-1-of-gil'),
  ];
  expect(new Set(ids.map(({ id }) => id)).size).toBe(1);
  expect(rootOf('hal').id).not.toBe(rootOf('gil').id);
  await refuse('agent-1-of-gil', 'six', 2);
  expect(await wait('agent-2-of-gil', 'six')).toBeGreaterThan(3_000);
  expect(await wait('agent-1-of-hal', 'six')).toBe(0);
});

it('counts open requests of a person, their agents, and people whose token an agent got together', async () => {
  await request('open-1', lineageOf('gil'));
  await request('open-2', lineageOf('agent-2-of-gil'), 'planning');
  await request('open-3', lineageOf('hal', 'agent-1-of-gil'), 'approved');
  await request('open-4', lineageOf('agent-1-of-gil'), 'succeeded');
  await request('open-5', lineageOf('hal'));
  const count = (subject: string) => openRequests(api.manager, rootOf(subject), 10);
  expect([await count('agent-1-of-gil'), await count('gil'), await count('agent-2-of-hal')]).toEqual([
    3, 3, 2,
  ]);
});

it('leaves everybody a share of a target that others have used up, and plans again what people agreed to', async () => {
  for (const who of ['jo', 'kim', 'lee']) await refuse(who, 'seven', 2);
  expect(await wait('max', 'seven')).toBe(0);
  await refuse('max', 'seven', 1);
  expect(await wait('max', 'seven')).toBeGreaterThan(3_000);
  await request('agreed', lineageOf('max'), 'approved');
  expect(await begin('agreed', 'max', 'seven')).toBeGreaterThan(3_000);
  await decide('agreed', 'approve');
  expect(await begin('agreed', 'max', 'seven')).toBe(0);
});
