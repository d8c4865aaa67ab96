import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { budgetRoot } from '../../domain/execution/budgets.ts';
import type { Reply } from '../stack/http.ts';
import { GOOD_BODY, startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({
    KEYTURN_OPEN_REQUESTS: '2',
    KEYTURN_REHEARSAL_SECONDS: '100',
    KEYTURN_REHEARSALS_REFUSED: '3',
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await api.db.query('delete from keyturn.rehearsal');
  await api.db.query(`update keyturn.request set status = 'cancelled'`);
});
afterAll(async () => {
  await api.stop();
});

interface Used {
  readonly by: string;
  readonly target?: string;
  readonly seconds?: number;
  readonly isRefused?: boolean;
  readonly times?: number;
}

/** Stores rehearsals of an account, as a worker would have made them a while ago. */
async function use({ by, target = 'shop', seconds = 1, isRefused = false, times = 1 }: Used): Promise<void> {
  const { directory } = await api.context.directories.now(api.context.source.manager);
  const root = budgetRoot(directory, [{ role: 'requester', issuer: api.issuer.url, subject: by }]).id;
  await api.db.query(
    `insert into keyturn.rehearsal (request, root, target, started_at, lease_until, ended_at, is_refused)
     select 'used-' || n, $1, $2, at, at, at + $3 * interval '1 s', $4
       from generate_series(1, $5) n, lateral (select clock_timestamp() - interval '30 min' as at) began`,
    [root, target, seconds, isRefused, times],
  );
}

/** What uses up each budget of the billing agent, or of the target, and for how many seconds. */
const BUDGETS: readonly (readonly [string, number, () => Promise<void>])[] = [
  [
    'open requests',
    7_200,
    async () => {
      for (const status of ['pending', 'planning'] as const) await storeRequest(api, { status });
    },
  ],
  ['seconds of rehearsals', 1_800, () => use({ by: 'agent-billing', seconds: 101, target: 'another' })],
  [
    'refused rehearsals',
    1_800,
    () => use({ by: 'agent-billing', isRefused: true, times: 3, target: 'another' }),
  ],
];

const OF_THE_TARGET: readonly (readonly [string, () => Promise<void>])[] = [
  [
    'seconds of rehearsals',
    async () => {
      await use({ by: 'reviewer-01', seconds: 301 });
      await use({ by: 'agent-billing', seconds: 34 });
    },
  ],
  [
    'refused rehearsals',
    async () => {
      await use({ by: 'reviewer-01', isRefused: true, times: 9 });
      await use({ by: 'agent-billing', isRefused: true });
    },
  ],
];

async function ask(token: string, change: object = {}, key = randomUUID()): Promise<Reply> {
  return api.create(token, { ...GOOD_BODY, ...change }, { 'idempotency-key': key });
}

const agent = (): Promise<string> => api.issuer.agentToken('agent-billing');

describe('a request beyond a budget', () => {
  it.each(BUDGETS)(
    'of %s is refused before anything starts, says when to come back, and is counted',
    async (_what, seconds, exhaust) => {
      await exhaust();
      const start = vi.spyOn(api.context.temporal.workflow, 'start');
      const key = randomUUID();
      const before = await refusedSoFar();
      const reply = await ask(await agent(), {}, key);
      const detail = expect.stringMatching(/^You, your owner and your agents together /);
      expect(reply).toMatchObject({ status: 429, body: { code: 'over_budget', detail } });
      const wait = Number(reply.headers.get('retry-after'));
      expect([wait > seconds - 60, wait <= seconds]).toEqual([true, true]);
      expect(start).not.toHaveBeenCalled();
      expect((await refusedSoFar()) - before).toBe(1);
      // Another owner's agent has its own, and the same key is good once there is room.
      expect((await ask(await api.issuer.agentToken('agent-dba'))).status).toBe(202);
      await api.db.query('delete from keyturn.rehearsal');
      await api.db.query(`update keyturn.request set status = 'cancelled'`);
      expect((await ask(await agent(), {}, key)).status).toBe(202);
    },
  );

  it.each(OF_THE_TARGET)(
    'of %s of a target stops there those who used a share of it, and nobody elsewhere',
    async (_what, exhaust) => {
      await exhaust();
      const detail = expect.stringMatching(
        /^All requesters together have used up the dry runs that are allowed at this target/,
      );
      const refused = { status: 429, body: { code: 'over_budget', detail } };
      expect(await ask(await agent())).toMatchObject(refused);
      // By another agent of the same owner as well.
      const on_behalf_of = { subject: 'dmitri' };
      expect(await ask(await api.issuer.agentToken('agent-assistant'), { on_behalf_of })).toMatchObject(
        refused,
      );
      expect((await ask(await api.issuer.agentToken('agent-dba'))).status).toBe(202);
      expect((await ask(await agent(), { target: 'shop-sequential' })).status).toBe(202);
    },
  );

  it('is one for all accounts of a person', async () => {
    await use({ by: 'olga', isRefused: true, times: 3, target: 'another' });
    const linked = await api.secondIssuer.humanToken('olga.petrenko');
    expect(await ask(linked)).toMatchObject({ status: 429, body: { code: 'over_budget' } });
    expect((await ask(await api.secondIssuer.humanToken('olga'))).status).toBe(202);
  });

  it('finds the request that its key stands for, whatever was used since', async () => {
    const key = randomUUID();
    const first = await ask(await agent(), {}, key);
    expect(first.status).toBe(202);
    await use({ by: 'agent-billing', isRefused: true, times: 3 });
    const repeated = await ask(await agent(), {}, key);
    expect([repeated.status, repeated.body['id']]).toEqual([202, first.body['id']]);
  });

  it('is no hindrance to what is only looked at', async () => {
    await use({ by: 'agent-billing', isRefused: true, times: 3 });
    const evaluated = await api.http({
      path: '/v1/evaluate',
      token: await agent(),
      body: { ...GOOD_BODY, mode: 'execute' },
    });
    expect(evaluated.status).toBe(200);
  });
});

async function refusedSoFar(): Promise<number> {
  const { values } = await api.context.metrics.problems.get();
  return values.find(({ labels }) => labels.code === 'over_budget')?.value ?? 0;
}
