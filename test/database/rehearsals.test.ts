import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DataSource } from 'typeorm';

import { createDataSource } from '../../database/data-source.ts';
import {
  beginRehearsal,
  endRehearsal,
  openRequests,
  rehearsalWait,
  type RehearsalEnd,
} from '../../database/rehearsals.ts';
import { budgetRoot, type BudgetRoot, type Budgets } from '../../domain/execution/budgets.ts';
import type { Directory } from '../../domain/identity/directory.ts';
import type { Lineage } from '../../domain/identity/identity.ts';
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
    await rehearse({ who, target, request: `${who}-${target}-${index}`, end: 'refused' });
  }
}

/** The seconds to wait; 0 where a place was taken. */
async function begin(request: string, who: string, target: string): Promise<number> {
  const { id, seconds } = await beginRehearsal(
    worker.manager,
    { request, root: rootOf(who), target },
    BUDGETS,
  );
  expect(id === null).toBe(seconds > 0);
  return seconds;
}

interface Tried {
  readonly who: string;
  readonly target: string;
  readonly request: string;
  readonly end: RehearsalEnd;
}

/** Takes a place. The function that is answered gives it back. */
async function take({ who, target, request, end }: Tried): Promise<() => Promise<void>> {
  const { id } = await beginRehearsal(worker.manager, { request, root: rootOf(who), target }, BUDGETS);
  if (id === null) throw new Error(`There is no place for ${request}.`);
  return () => endRehearsal(worker.manager, id, end);
}

async function rehearse(tried: Tried): Promise<void> {
  const giveBack = await take(tried);
  await giveBack();
}

it('lets only so many run at once, however many ask at the same moment, and a place that is given back is free', async () => {
  const root = rootOf('ann');
  const begun = await Promise.all(
    ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((request) =>
      beginRehearsal(worker.manager, { request: `once-${request}`, root, target: 'one' }, BUDGETS),
    ),
  );
  const taken = begun.flatMap(({ id }) => id ?? []);
  expect(taken).toHaveLength(2);
  expect(await begin('once-other', 'ben', 'one')).toBe(0);
  for (const id of taken) await endRehearsal(worker.manager, id, 'planned');
  expect(await begin('once-again', 'ann', 'one')).toBe(0);
});

it('frees the place of a worker that died when its lease is over', async () => {
  expect(await begin('dead-1', 'cai', 'two')).toBe(0);
  expect(await begin('dead-2', 'cai', 'two')).toBe(0);
  expect(await begin('dead-3', 'cai', 'two')).toBe(1);
  await owner.query(
    "update keyturn.rehearsal set lease_until = clock_timestamp() - interval '1 s' where request = 'dead-2'",
  );
  expect(await begin('dead-3', 'cai', 'two')).toBe(0);
});

it('makes one who had too many refused wait for the hour to pass, and nobody else', async () => {
  await refuse('dee', 'three', 2);
  expect(await begin('no-3', 'dee', 'three')).toBeGreaterThan(3_000);
  expect(await wait('dee', 'three')).toBeGreaterThan(3_000);
  expect(await wait('eli', 'three')).toBe(0);
  await owner.query(
    "update keyturn.rehearsal set started_at = started_at - interval '61 min', ended_at = ended_at - interval '61 min'",
  );
  expect(await wait('dee', 'three')).toBe(0);
});

it('counts the seconds of the hour', async () => {
  await rehearse({ who: 'fay', target: 'four', request: 'long', end: 'planned' });
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
  ['was executed', 0, { status: 'succeeded' }],
  ['is still open', 0, { status: 'approved' }],
])('counts the rehearsal of what %s as %i refused', async (what, refused, { verdict, outcome, status }) => {
  const target = `ended ${what}`;
  for (const index of [1, 2]) {
    const id = `${target} ${index}`;
    await rehearse({ who: 'ivy', target, request: id, end: 'planned' });
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
  const count = async (subject: string) => (await openRequests(api.manager, rootOf(subject), 10)).open;
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
  await owner.query(
    `insert into keyturn.decision (id, request, round, renewal, person, verdict, takes_back, at, grade, seats,
       reviewer_issuer, reviewer_subject, channel, envelope, outcome, recorded_at)
     select 'dec_back', request, round, 1, person, 'take_back', id, at, grade, seats, reviewer_issuer,
       reviewer_subject, channel, envelope, outcome, recorded_at from keyturn.decision where id = 'dec_agreed'`,
  );
  expect(await begin('agreed', 'max', 'seven')).toBeGreaterThan(3_000);
});

it('gives back one place of a request that is tried out twice at once, and not the other', async () => {
  const twice = { who: 'ned', target: 'eight', request: 'twice', end: 'planned' as const };
  const first = await take(twice);
  const second = await take(twice);
  expect(await begin('third', 'ned', 'eight')).toBe(1);
  await first();
  // Also when it is given back once more.
  await first();
  const third = await take({ ...twice, request: 'third' });
  expect(await begin('fourth', 'ned', 'eight')).toBe(1);
  await second();
  await third();
});

it.each<[string, RehearsalEnd, boolean]>([
  ['a refusal', 'refused', true],
  ['a plan that nobody decided', 'planned', true],
  ['locks of others', 'locks', false],
  ['a target that is not set up', 'nothing', false],
])('counts %s, of a request that failed, once it ended: %s', async (what, how, isCounted) => {
  const target = `decided by ${what}`;
  for (const index of [1, 2]) {
    const id = `${target} ${index}`;
    await rehearse({ who: 'oz', target, request: id, end: how });
    await request(id, lineageOf('oz'), 'planning');
    await end(id, 'failed');
  }
  expect((await wait('oz', target)) > 0).toBe(isCounted);
  await owner.query('delete from keyturn.rehearsal');
});

it('counts locks that another request of the same people may have held, at this target', async () => {
  const busy = { who: 'agent-1-of-gil', request: 'busy', end: 'locks' as const };
  const counted = async (holder: { who: string; target: string; request: string }): Promise<number> => {
    const giveBackHolder = await take({ ...holder, end: 'planned' });
    await rehearse({ ...busy, target: 'nine' });
    await giveBackHolder();
    const rows: { count: number }[] = await owner.query(
      `select count(*)::int from keyturn.rehearsal where request = 'busy' and is_refused`,
    );
    await owner.query('delete from keyturn.rehearsal');
    return rows[0]?.count ?? -1;
  };
  expect(await counted({ who: 'gil', target: 'nine', request: 'holder' })).toBe(1);
  expect(await counted({ who: 'hal', target: 'nine', request: 'holder' })).toBe(0);
  expect(await counted({ who: 'gil', target: 'ten', request: 'holder' })).toBe(0);
  expect(await counted({ who: 'gil', target: 'nine', request: 'busy' })).toBe(0);
});

/** Stores rehearsals of a root, each begun so many minutes ago. */
async function used(who: string, target: string, rows: readonly UsedRow[]): Promise<void> {
  for (const { minutesAgo, seconds = 1, isRefused = false } of rows)
    await owner.query(
      `insert into keyturn.rehearsal (request, root, target, started_at, lease_until, ended_at, is_refused)
       select 'used', $1, $2, at, at, at + $4 * interval '1 s', $5
         from (select clock_timestamp() - $3 * interval '1 min' as at) began`,
      [rootOf(who).id, target, minutesAgo, seconds, isRefused],
    );
}

interface UsedRow {
  readonly minutesAgo: number;
  readonly seconds?: number;
  readonly isRefused?: boolean;
}

const no = (minutesAgo: number): UsedRow => ({ minutesAgo, isRefused: true });

it.each<[string, number, Readonly<Record<string, readonly UsedRow[]>>]>([
  ['the first of two refused ones', 50, { pia: [{ minutesAgo: 55 }, no(10), no(5)] }],
  ['as many refused ones as are too many', 30, { pia: [no(50), no(40), no(30), no(20)] }],
  ['seconds enough', 40, { pia: [50, 20, 10].map((minutesAgo) => ({ minutesAgo, seconds: 60 })) }],
  ['the budget that is full for longest', 55, { pia: [no(30), no(20), { minutesAgo: 5, seconds: 101 }] }],
  [
    'the share of a target that others use up as well',
    20,
    { pia: [no(40)], quin: [no(9), no(9), no(9)], ray: [no(9), no(9)], sam: [no(9)] },
  ],
  [
    'what others used of a target, which ends before the share',
    10,
    { pia: [no(5)], quin: [no(50), no(50), no(50)], ray: [no(9), no(9)] },
  ],
])('names the time at which there is room again: after %s', async (_what, minutes, rows) => {
  for (const [who, list] of Object.entries(rows)) await used(who, 'room', list);
  const seconds = await wait('pia', 'room');
  expect(seconds).toBeGreaterThan(minutes * 60 - 60);
  expect(seconds).toBeLessThanOrEqual(minutes * 60);
  await owner.query(
    `update keyturn.rehearsal set started_at = started_at - $1 * interval '1 s', ended_at = ended_at - $1 * interval '1 s'`,
    [seconds],
  );
  expect(await wait('pia', 'room')).toBe(0);
  await owner.query('delete from keyturn.rehearsal');
});

it('names the time at which the first of the open requests expires', async () => {
  await request('expiring-1', lineageOf('uma'), 'planning');
  expect(await openRequests(api.manager, rootOf('uma'), 10)).toEqual({ open: 1, seconds: null });
  for (const [id, minutes] of [
    ['expiring-2', 30],
    ['expiring-3', 20],
  ] as const) {
    await request(id, lineageOf('uma'));
    await owner.query(
      `update keyturn.request set expires_at = clock_timestamp() + $2 * interval '1 min' where id = $1`,
      [id, minutes],
    );
  }
  const { open, seconds } = await openRequests(api.manager, rootOf('uma'), 10);
  expect(open).toBe(3);
  expect(seconds).toBeGreaterThan(19 * 60);
  expect(seconds).toBeLessThanOrEqual(20 * 60);
});
