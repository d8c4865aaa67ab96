import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { SIGNAL_DEADLINE_MS } from '../../apps/api/decisions/deliver.ts';
import { openEnvelope } from '../../domain/crypto/envelope.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import { EXPIRY_GRACE_MS } from '../../domain/approval/escalation.ts';
import { unseal } from '../../domain/crypto/sealing.ts';
import type { Ticket } from '../../contract/decisions.ts';
import { policyDigest } from '../../domain/policy/policy.ts';
import { call, type Reply } from '../stack/http.ts';
import { activate, GOOD_BODY, startApi, type TestApi } from './api.ts';
import { InSession } from './sign-in/in-session.ts';
import { announce, ONE_DBA, storeDecision, storeRequest, type Stored, type StoredRequest } from './rows.ts';

let api: TestApi;
let sessions: InSession;
beforeAll(async () => {
  api = await startApi();
  sessions = new InSession(api);
});
afterAll(async () => {
  await api.stop();
});

interface Attempt {
  readonly name?: string;
  readonly body?: object;
  readonly to?: 'decisions' | 'tickets';
}

async function attempt(
  stored: Stored,
  { name = 'olga', body = {}, to = 'decisions' }: Attempt = {},
): Promise<Reply> {
  const token = await api.issuer.humanToken(name);
  const full = { decision_digest: stored.decisionDigest, verdict: 'approve', ...body };
  const path = `/v1/requests/${stored.id}/${to}`;
  return to === 'tickets' ? sessions.post(token, path, full) : api.http({ path, token, body: full });
}

/** A workflow of a request without a worker: signals are kept, nothing consumes them. */
/** Starts the run that the request belongs to. */
async function startWorkflow(id: string): Promise<void> {
  await api.db.query('update keyturn.request set run_id = $2 where id = $1', [id, await startRun(id)]);
}

async function startRun(id: string): Promise<string> {
  const handle = await api.context.temporal.workflow.start('privilegedAction', {
    workflowId: id,
    taskQueue: 'nobody',
    args: [{}],
  });
  return handle.firstExecutionRunId;
}

/** What is kept for workers because its workflow has not confirmed it. */
async function keptOf(id: string): Promise<readonly { kind: string; envelope: string }[]> {
  const { rows } = await api.db.query<{ kind: string; envelope: string }>(
    'select kind, envelope from keyturn.kept_message where request = $1 and consumed_at is null',
    [id],
  );
  return rows;
}

async function signalsOf(id: string): Promise<unknown[]> {
  const { events } = await api.context.temporal.workflow.getHandle(id).fetchHistory();
  return (events ?? []).flatMap((event) => {
    const data = event.workflowExecutionSignaledEventAttributes?.input?.payloads?.[0]?.data;
    return data ? [JSON.parse(Buffer.from(data).toString())] : [];
  });
}

interface Refusal {
  readonly status: number;
  readonly code: ErrorCode;
}

/** Who or what is refused, the request as it is, the attempt, and the answer. */
const REFUSALS: readonly [string, [StoredRequest, Attempt, Refusal]][] = [
  ['the owner of the agent', [{}, { name: 'ada' }, { status: 403, code: 'self_approval' }]],
  ['the person it acts for', [{ onBehalfOf: 'olga' }, {}, { status: 403, code: 'self_approval' }]],
  [
    'a denial by the lineage',
    [{ onBehalfOf: 'olga' }, { body: { verdict: 'deny' } }, { status: 409, code: 'use_withdraw' }],
  ],
  ['somebody outside the group', [{}, { name: 'omar' }, { status: 403, code: 'not_eligible' }]],
  ['somebody unknown', [{}, { name: 'stranger' }, { status: 403, code: 'reviewer_unknown' }]],
  ['somebody who left', [{}, { name: 'ines' }, { status: 403, code: 'reviewer_inactive' }]],
  [
    'another digest than the one that is asked',
    [
      {},
      { body: { decision_digest: `sha256:${'0'.repeat(64)}` } },
      { status: 409, code: 'decision_digest_stale' },
    ],
  ],
  ['a request that is over', [{ status: 'denied' }, {}, { status: 409, code: 'request_not_pending' }]],
  [
    'a request past its expiry',
    [{ createdAt: new Date(Date.now() - 7_200_001) }, {}, { status: 409, code: 'request_expired' }],
  ],
  [
    'a deferral into the past',
    [
      {},
      { body: { verdict: 'defer', defer: { until: '2020-01-01T00:00:00Z' } } },
      { status: 422, code: 'defer_invalid' },
    ],
  ],
  [
    'a deferral to nobody in particular',
    [{}, { body: { verdict: 'defer' } }, { status: 422, code: 'defer_invalid' }],
  ],
  [
    'a hand-over to a group that is not asked',
    [
      {},
      { body: { verdict: 'defer', defer: { to: 'group:developers' } } },
      { status: 422, code: 'hand_over_invalid' },
    ],
  ],
  [
    'an approval with a deferral',
    [{}, { body: { defer: { to: 'group:dba' } } }, { status: 422, code: 'defer_invalid' }],
  ],
];

describe.each(['decisions', 'tickets'] as const)('%s', (to) => {
  it.each(REFUSALS)('refuse %s at once', async (_name, [wanted, given, { status, code }]) => {
    const reply = await attempt(await storeRequest(api, wanted), { ...given, to });
    expect(reply).toMatchObject({ status, body: { code } });
  });

  it('refuse a second answer of the same person', async () => {
    const stored = await storeRequest(api);
    await storeDecision(api, stored.id, { person: 'olga', verdict: 'approve' });
    expect(await attempt(stored, { to })).toMatchObject({ status: 409, body: { code: 'already_decided' } });
  });

  it('refuse a missing reason where policy asks for one, also one of blanks', async () => {
    const [rule] = ONE_DBA.rules;
    const requirement = { ...ONE_DBA, rules: rule ? [{ ...rule, is_reason_required: true }] : [] };
    const stored = await storeRequest(api, { requirement });
    const reply = await attempt(stored, { to, body: { reason: '  ' } });
    expect(reply).toMatchObject({ status: 422, body: { code: 'reason_required' } });
  });

  it('refuse weaker evidence than policy asks for', async () => {
    const [rule] = ONE_DBA.rules;
    const requirement = { ...ONE_DBA, rules: rule ? [{ ...rule, minimum_grade: 'B' as const }] : [] };
    const stored = await storeRequest(api, { requirement });
    expect(await attempt(stored, { to })).toMatchObject({ status: 403, body: { code: 'grade_too_low' } });
  });

  it('tell who is kept out by what all reviewers must meet why policy asks for it', async () => {
    const reviewers = { when: 'reviewer.id != "olga"', because: 'Olga is on parental leave' };
    const policy = { ...api.policy, reviewers };
    await activate(api.databases, policy, policyDigest(policy));
    const [rule] = ONE_DBA.rules;
    const requirement = { ...ONE_DBA, rules: rule ? [{ ...rule, reviewer_when: reviewers.when }] : [] };
    const reply = await attempt(await storeRequest(api, { requirement }), { to });
    await activate(api.databases, api.policy, api.policyDigest);
    const detail = expect.stringContaining(reviewers.because);
    expect(reply).toMatchObject({ status: 403, body: { code: 'not_eligible', detail } });
  });

  it('refuse agents, whatever they know', async () => {
    const stored = await storeRequest(api);
    const token = await api.issuer.agentToken('agent-dba');
    const body = { decision_digest: stored.decisionDigest, verdict: 'approve' };
    const reply = await api.http({ path: `/v1/requests/${stored.id}/${to}`, token, body });
    expect(reply).toMatchObject({ status: 403, body: { code: 'machine_cannot_decide' } });
  });
});

describe('a decision that passes', () => {
  it('reaches the workflow signed, with the reason sealed, and is answered 202 while no worker counts it', async () => {
    const stored = await storeRequest(api);
    await startWorkflow(stored.id);
    const reply = await attempt(stored, { body: { reason: 'tell_tale' } });
    expect(reply.status).toBe(202);
    expect(reply.body).toMatchObject({ state: 'queued, not counted yet' });
    const [envelope] = await signalsOf(stored.id);
    const signed = await openEnvelope('decision', envelope, api.context.keys.verification);
    const { id } = reply.body['decision'] as { id: string };
    expect(signed).toMatchObject({
      id,
      verdict: 'approve',
      channel: 'api',
      grade: 'C',
      ticket_expires_at: null,
    });
    expect(signed.reviewer).toEqual({ issuer: api.issuer.url, subject: 'olga' });
    expect(JSON.stringify(signed)).not.toContain('tell_tale');
    expect(await unseal(signed.reason ?? '', `${id}/reason`, api.context.keys.sealing)).toBe('tell_tale');
  });

  it('is answered 200 with its receipt as soon as it is recorded, and a recorded refusal with its code', async () => {
    for (const [outcome, status] of [
      ['counted', 200],
      ['refused', 409],
    ] as const) {
      const stored = await storeRequest(api);
      await startWorkflow(stored.id);
      const answer = attempt(stored);
      await expect.poll(() => signalsOf(stored.id), { timeout: 10_000 }).toHaveLength(1);
      const [envelope] = await signalsOf(stored.id);
      const signed = await openEnvelope('decision', envelope, api.context.keys.verification);
      const recorded = await storeDecision(api, stored.id, { person: 'olga', verdict: 'approve' });
      await api.db.query(
        'update keyturn.decision set id = $1, outcome = $2, refusal = $3, reason = null where id = $4',
        [signed.id, outcome, outcome === 'refused' ? 'request_expired' : null, recorded],
      );
      await announce(api, stored.id);
      const reply = await answer;
      expect(reply.status).toBe(status);
      if (outcome === 'counted')
        expect(reply.body).toMatchObject({ decision: { id: signed.id, outcome: 'counted' } });
      else expect(reply.body).toMatchObject({ code: 'request_expired' });
    }
  });

  it('is kept for the workers before it is acknowledged, and not where its receipt came in time', async () => {
    const stored = await storeRequest(api);
    await startWorkflow(stored.id);
    expect((await attempt(stored)).status).toBe(202);
    const [envelope] = await signalsOf(stored.id);
    expect(await keptOf(stored.id)).toEqual([{ kind: 'decide', envelope }]);
  });

  it('is kept when its workflow is gone, and never given to another run under its id', async () => {
    const stored = await storeRequest(api);
    await startWorkflow(stored.id);
    await api.context.temporal.workflow.getHandle(stored.id).terminate('to take its id');
    await startRun(stored.id);
    expect((await attempt(stored)).status).toBe(202);
    expect(await signalsOf(stored.id)).toEqual([]);
    expect(await keptOf(stored.id)).toHaveLength(1);
  });
});

describe('a ticket', () => {
  it('is a signed decision for ten minutes, never longer than the request, and is not sent', async () => {
    const stored = await storeRequest(api);
    await startWorkflow(stored.id);
    const { status, body } = (await attempt(stored, { to: 'tickets' })) as unknown as Reply<Ticket>;
    expect(status).toBe(201);
    const signed = await openEnvelope('decision', body.ticket, api.context.keys.verification);
    expect(signed).toMatchObject({
      channel: 'temporal',
      request: stored.id,
      ticket_expires_at: body.expires_at,
    });
    const lifetime = Date.parse(body.expires_at) - Date.parse(signed.issued_at);
    expect(lifetime).toBeGreaterThan(590_000);
    expect(lifetime).toBeLessThanOrEqual(600_000);
    expect(body.how_to_use).toContain(stored.id);
    expect(await signalsOf(stored.id)).toEqual([]);

    const ending = await storeRequest(api, { createdAt: new Date(Date.now() - 7_200_000 + 60_000) });
    const short = (await attempt(ending, { to: 'tickets' })) as unknown as Reply<Ticket>;
    expect(Date.parse(short.body.expires_at)).toBeLessThanOrEqual(Date.now() + 60_000);
  });
});

describe('withdrawing', () => {
  it('is for those behind the request only, and is signed', async () => {
    const { id } = await storeRequest(api, { onBehalfOf: 'dmitri' });
    await startWorkflow(id);
    const path = `/v1/requests/${id}/withdraw`;
    const olga = await api.http({ path, token: await api.issuer.humanToken('olga'), body: {} });
    expect(olga).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    const other = await api.http({ path, token: await api.issuer.agentToken('agent-dba'), body: {} });
    expect(other.status).toBe(404);
    const owner = await api.http({
      path,
      token: await api.issuer.humanToken('ada'),
      body: { reason: 'not needed' },
    });
    expect(owner.status).toBe(202);
    const signed = await openEnvelope('withdrawal', (await signalsOf(id))[0], api.context.keys.verification);
    expect(signed).toMatchObject({ request: id, by: { issuer: api.issuer.url, subject: 'ada' } });
  });

  it.each([
    ['executing', 'request_executing'],
    ['succeeded', 'request_finished'],
    ['cancelled', 'request_finished'],
  ] as const)('comes too late for a request that is %s', async (status, code) => {
    const { id } = await storeRequest(api, { status });
    const token = await api.issuer.agentToken('agent-billing');
    const reply = await api.http({ method: 'POST', path: `/v1/requests/${id}/withdraw`, token });
    expect(reply).toMatchObject({ status: 409, body: { code } });
  });
});

describe('with Temporal out of reach', () => {
  it('a decision is confirmed or refused within the grace that follows an expiry', () => {
    expect(SIGNAL_DEADLINE_MS).toBeLessThan(EXPIRY_GRACE_MS);
  });

  it('a decision with a key is kept all the same, once, and acknowledged as not counted yet', async () => {
    const down = await startApi({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
    try {
      const stored = await storeRequest(down);
      const send = async (verdict: string): Promise<Reply> =>
        call(down.url, {
          path: `/v1/requests/${stored.id}/decisions`,
          token: await down.issuer.humanToken('olga'),
          body: { decision_digest: stored.decisionDigest, verdict },
          headers: { 'idempotency-key': 'k' },
        });
      const replies = [await send('approve'), await send('approve')];
      expect(replies.map(({ status }) => status)).toEqual([202, 202]);
      expect(replies[1]?.body).toEqual(replies[0]?.body);
      expect(await send('deny')).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
      const { rows } = await down.db.query('select kind from keyturn.kept_message where request = $1', [
        stored.id,
      ]);
      expect(rows).toEqual([{ kind: 'decide' }]);
    } finally {
      await down.stop();
    }
  });

  it('nothing is taken, and callers learn when to come back', async () => {
    const down = await startApi({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
    try {
      const created = await down.create(await down.issuer.agentToken('agent-billing'), GOOD_BODY);
      expect(created).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      expect(Number(created.headers.get('retry-after'))).toBeGreaterThan(0);
      const stored = await storeRequest(down);
      const started = performance.now();
      const decided = await call(down.url, {
        path: `/v1/requests/${stored.id}/decisions`,
        token: await down.issuer.humanToken('olga'),
        body: { decision_digest: stored.decisionDigest, verdict: 'approve' },
      });
      expect(decided).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      expect(performance.now() - started).toBeLessThan(5_000);
      const ready = await down.http({ path: '/readyz' });
      expect(ready).toMatchObject({
        status: 503,
        body: { checks: { database: 'ok', temporal: 'unreachable' } },
      });
    } finally {
      await down.stop();
    }
  });
});
