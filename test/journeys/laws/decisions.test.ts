import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DecisionAnswer } from '../../../contract/decisions.ts';
import type { RequestView } from '../../../contract/requests.ts';
import type { Timeline } from '../../../contract/history.ts';
import type { Reply } from '../../stack/http.ts';
import type { Decision } from '../../stack/stack.ts';
import { waitFor } from '../../stack/wait.ts';
import { bodyOf, decisionsOf, isOver, openCast, refusal, stepsOf, waitForStep, type Cast } from './cast.ts';

let cast: Cast;

beforeAll(async () => {
  cast = await openCast();
});

afterAll(async () => cast?.stack.stop());

const OTHER_DIGEST = `sha256:${'0'.repeat(64)}`;

function decide(token: string, { id }: RequestView, decision?: Decision): Promise<Reply<DecisionAnswer>> {
  return cast.stack.decide<DecisionAnswer>(token, id, decision);
}

function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString();
}

/** Waits until the inbox of a reader holds a request, or does not. */
function waitForInbox(token: string, { id }: RequestView, isThere: boolean): Promise<true> {
  return waitFor({
    what: `${id} to be ${isThere ? 'in' : 'out of'} the inbox`,
    check: async () => ((await cast.inbox(token)).includes(id) === isThere ? true : undefined),
  });
}

describe('a decision', () => {
  it('on something else than what is asked now is stale, and counts for nothing', async () => {
    const request = await cast.ask();
    for (const digest of [OTHER_DIGEST, request.intent_digest]) {
      for (const verdict of ['approve', 'deny'] as const) {
        const reply = await decide(cast.olga, request, { verdict, decision_digest: digest });
        expect(refusal(reply)).toEqual([409, 'decision_digest_stale']);
      }
    }
    expect(await decisionsOf(cast.stack, request.id)).toEqual([]);
  });

  it('of a request that is no longer pending is refused', async () => {
    const request = await cast.ask();
    const decision_digest = request.decision_digest ?? '';
    expect((await decide(cast.olga, request, { verdict: 'deny' })).status).toBe(200);
    expect(refusal(await decide(cast.dmitri, request, { decision_digest }))).toEqual(isOver());
    expect(refusal(await cast.ticket(cast.dmitri, request))).toEqual(isOver());
  });

  it.each([{}, { reason: '' }, { reason: ' \n\t ' }])(
    'needs a reason where policy says so: %j is none',
    async ({ reason = '' }) => {
      const request = await cast.ask({ target: 'shop-strict' });
      for (const verdict of ['approve', 'deny'] as const) {
        const refused = await decide(cast.olga, request, { verdict, reason });
        expect(refusal(refused)).toEqual([422, 'reason_required']);
      }
      const counted = await decide(cast.olga, request, { reason: 'I looked at it' });
      expect([counted.status, counted.body.decision.reason]).toEqual([200, 'I looked at it']);
    },
  );

  it('is only for people of the groups that are asked', async () => {
    const request = await cast.ask();
    expect(refusal(await decide(cast.omar, request))).toEqual([403, 'not_eligible']);
    expect(refusal(await decide(cast.omar, request, { verdict: 'deny' }))).toEqual([403, 'not_eligible']);
    expect((await cast.show(cast.omar, request.id)).plan).toBeDefined();
  });
});

describe('an approval', () => {
  it('is taken back by a denial of the same person, with another account too, before the others agreed', async () => {
    const request = await cast.ask({ target: 'shop-two-people' });
    expect((await decide(cast.olga, request)).status).toBe(200);
    const linked = await cast.stack.secondIssuer.humanToken('olga.petrenko');
    expect((await decide(linked, request, { verdict: 'deny', reason: 'The wrong account.' })).status).toBe(
      200,
    );
    await cast.stack.waitForStatus(request.id, 'denied');
    expect(refusal(await decide(cast.dmitri, request))).toEqual([409, 'request_not_pending']);
    expect(await stepsOf(cast.stack, request.id)).not.toContain('request.approved');
  });
});

describe('what can not start any more', () => {
  it('expires when its start window ends: nobody is asked for nothing, and all are shown why', async () => {
    const start = { not_before: null, not_after: inSeconds(5) };
    const body = { ...bodyOf({ target: 'shop-two-people' }), start };
    const { id } = (await cast.stack.request<RequestView>(cast.agent, body)).body;
    await cast.stack.waitForStatus(id, 'expired');
    const request = await cast.show(cast.olga, id);
    expect([request.start, request.expires_at]).toEqual([start, start.not_after]);
    await waitForInbox(cast.olga, request, false);
    expect(refusal(await decide(cast.olga, request))).toEqual(isOver());
    for (const token of [cast.olga, cast.agent]) {
      const timeline = await cast.stack.http<Timeline>({ path: `/v1/requests/${id}/timeline`, token });
      const expired = timeline.body.items.find(({ type }) => type === 'request.expired');
      expect(expired?.text).toMatch(/^Its start window ended before it was approved/);
    }
  });
});

describe('two people', () => {
  it('must agree where policy says so: one with two accounts is one', async () => {
    const request = await cast.ask({ target: 'shop-two-people' });
    const linked = await cast.stack.secondIssuer.humanToken('olga.petrenko');
    const first = await decide(cast.olga, request);
    expect([first.status, first.body.request.status]).toEqual([200, 'pending']);
    expect(first.body.request.progress?.rules[0]?.stages[0]).toMatchObject({ quorum: 2, filled: 1 });
    for (const token of [cast.olga, linked]) {
      expect(refusal(await decide(token, request))).toEqual([409, 'already_decided']);
      expect(await cast.inbox(token)).not.toContain(request.id);
    }
    expect(await stepsOf(cast.stack, request.id)).not.toContain('request.approved');
    expect((await decide(cast.dmitri, request)).status).toBe(200);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });

  it('are not needed to say no: one denial ends it, also after an approval', async () => {
    const request = await cast.ask({ target: 'shop-two-people' });
    expect((await decide(cast.olga, request)).status).toBe(200);
    const denied = await decide(cast.dmitri, request, { verdict: 'deny', reason: 'not today' });
    expect(denied.body.request).toMatchObject({ status: 'denied', denied_by: 'person' });
    expect(await stepsOf(cast.stack, request.id)).not.toContain('execution.claimed');
    const seenByAgent = await cast.show(cast.agent, request.id);
    expect([seenByAgent.status, seenByAgent.decisions]).toEqual(['denied', undefined]);
    expect(JSON.stringify(seenByAgent)).not.toContain('not today');
  });

  it('in sequence: the second group is not asked before the first has agreed', async () => {
    const request = await cast.ask({ target: 'shop-sequential' });
    expect(await cast.inbox(cast.omar)).not.toContain(request.id);
    expect(refusal(await decide(cast.omar, request))).toEqual([403, 'not_eligible']);
    const first = await decide(cast.olga, request);
    expect(first.body.request.status).toBe('pending');
    expect(await cast.inbox(cast.omar)).toContain(request.id);
    const another = await decide(cast.dmitri, request);
    expect([another.status, another.body.request.status]).toEqual([200, 'pending']);
    expect((await decide(cast.omar, request)).status).toBe(200);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });
});

describe('a deferral', () => {
  it('hides it from that reviewer until the instant, from nobody else, and the reviewer may decide after it', async () => {
    const request = await cast.ask();
    const until = inSeconds(2);
    const deferred = await decide(cast.olga, request, { verdict: 'defer', defer: { until } });
    expect(deferred.body.decision).toMatchObject({ outcome: 'counted', defer_until: until });
    expect(deferred.body.request).toMatchObject({ status: 'pending', expires_at: request.expires_at });
    expect(await cast.inbox(cast.olga)).not.toContain(request.id);
    expect(await cast.inbox(cast.dmitri)).toContain(request.id);
    await waitForInbox(cast.olga, request, true);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(until));
    expect((await decide(cast.olga, request)).status).toBe(200);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });

  it('may be followed by a decision before the instant has come', async () => {
    const request = await cast.ask();
    await decide(cast.olga, request, { verdict: 'defer', defer: { until: inSeconds(3600) } });
    expect((await decide(cast.olga, request, { verdict: 'deny' })).body.request.status).toBe('denied');
  });

  it.each([
    ['a past instant', { until: '2020-01-01T00:00:00Z' }, 'defer_invalid'],
    ['an instant and a group', { until: '2090-01-01T00:00:00Z', to: 'group:dba' }, 'defer_invalid'],
    ['neither', {}, 'defer_invalid'],
    ['a group that nothing requires', { to: 'group:crowd' }, 'hand_over_invalid'],
    ['a person that nothing requires', { to: 'user:ada' }, 'hand_over_invalid'],
  ])('to %s is refused', async (_where, defer, code) => {
    const request = await cast.ask();
    expect(refusal(await decide(cast.olga, request, { verdict: 'defer', defer }))).toEqual([422, code]);
    expect(refusal(await cast.ticket(cast.olga, request, { verdict: 'defer', defer }))).toEqual([422, code]);
    expect(await decisionsOf(cast.stack, request.id)).toEqual([]);
  });

  it('hands over inside the required groups, and neither escalates nor expires anything', async () => {
    const request = await cast.ask();
    const handed = await decide(cast.olga, request, { verdict: 'defer', defer: { to: 'group:dba-leads' } });
    expect(handed.status).toBe(200);
    expect(await cast.inbox(cast.olga)).not.toContain(request.id);
    expect((await cast.show(cast.dmitri, request.id)).expires_at).toBe(request.expires_at);
    expect(await stepsOf(cast.stack, request.id)).not.toContain('request.escalated');
  });

  it('belongs to a deferral: another verdict takes no instant', async () => {
    const request = await cast.ask();
    const reply = await decide(cast.olga, request, { verdict: 'deny', defer: { until: inSeconds(60) } });
    expect(refusal(reply)).toEqual([422, 'defer_invalid']);
  });
});

/** A request that the reader was refused to decide. A slow machine may take longer than the two seconds: then again. */
async function askAndBeTooEarly(token: string): Promise<RequestView> {
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    const request = await cast.ask({ target: 'shop-escalating' });
    const reply = await decide(token, request);
    if (refusal(reply)[1] === 'not_eligible') return request;
  }
  throw new Error('The second group was never too early.');
}

describe('silence', () => {
  it('escalates: the next group finds it in its inbox and may decide, the first still may', async () => {
    const request = await askAndBeTooEarly(cast.petra);
    await waitForStep(cast.stack, request.id, 'request.escalated');
    await waitForInbox(cast.petra, request, true);
    expect(await cast.inbox(cast.olga)).toContain(request.id);
    const stage = (await cast.show(cast.petra, request.id)).progress?.rules[0]?.stages[0];
    expect(stage?.selectors).toEqual(['group:dba', 'group:dba-leads']);
    const { body } = await cast.get<Timeline>(cast.petra, `/v1/requests/${request.id}/timeline`);
    expect(body.items.at(-1)).toMatchObject({ type: 'request.escalated', facts: { to: 'group:dba-leads' } });
    expect((await decide(cast.petra, request)).status).toBe(200);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });

  it('ends as a denial: it expires, nothing runs, and nobody can approve it any more', async () => {
    const request = await cast.ask({ target: 'shop-expiring' });
    const decision_digest = request.decision_digest ?? '';
    const deferred = await decide(cast.olga, request, {
      verdict: 'defer',
      defer: { until: inSeconds(3600) },
    });
    expect(deferred.body.request.expires_at).toBe(request.expires_at);
    await cast.stack.waitForStatus(request.id, 'expired');
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(request.expires_at ?? ''));
    expect(refusal(await decide(cast.dmitri, request, { decision_digest }))).toEqual(isOver());
    const steps = await stepsOf(cast.stack, request.id);
    expect(steps.slice(-2)).toEqual(['request.expired', 'decision.attempt_refused']);
    expect(steps).not.toContain('execution.claimed');
    expect(await cast.inbox(cast.dmitri)).not.toContain(request.id);
  });
});
