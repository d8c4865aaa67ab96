import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestView } from '../../../contract/requests.ts';
import { bodyOf, decisionsOf, isOver, openCast, refusal, stepsOf, type Cast } from './cast.ts';

let cast: Cast;
/** Olga's account at the other issuer. */
let linkedOlga: string;
/** Another person whom the other issuer calls `olga`. */
let namesake: string;

beforeAll(async () => {
  cast = await openCast();
  linkedOlga = await cast.stack.secondIssuer.humanToken('olga.petrenko');
  namesake = await cast.stack.secondIssuer.humanToken('olga');
});

afterAll(async () => cast?.stack.stop());

/** Each way in which Olga, who could approve anybody else's request, can stand behind one. */
const WAYS: readonly (readonly [string, () => Promise<RequestView>])[] = [
  ['owner of the agent', async () => cast.ask({ token: await cast.stack.issuer.agentToken('agent-dba') })],
  ['the person named in the body', () => cast.ask({ onBehalfOf: { subject: 'olga' } })],
  [
    'the person named in the body by a linked account',
    () => cast.ask({ onBehalfOf: { issuer: cast.stack.secondIssuer.url, subject: 'olga.petrenko' } }),
  ],
  [
    'the subject of a delegated token',
    async () =>
      cast.ask({ token: await cast.stack.issuer.agentToken('agent-assistant', { onBehalfOf: 'olga' }) }),
  ],
  [
    'the trigger that the token names',
    async () => cast.ask({ token: await cast.stack.issuer.agentToken('agent-billing', { trigger: 'olga' }) }),
  ],
  [
    'the owner of the program whose token speaks for somebody else and names no actor',
    async () => cast.ask({ token: await cast.stack.issuer.sign({ sub: 'ada', azp: 'agent-dba' }) }),
  ],
  [
    'the owner of one of two programs that such a token names',
    async () =>
      cast.ask({
        token: await cast.stack.issuer.sign({ sub: 'ada', azp: 'agent-dba', client_id: 'keyturn-cli' }),
      }),
  ],
  ['the requester herself', () => cast.ask({ token: cast.olga })],
  ['the requester by a linked account', () => cast.ask({ token: linkedOlga })],
];

describe.each(WAYS)('who is %s', (_way, ask) => {
  let request: RequestView;

  beforeAll(async () => {
    request = await ask();
    expect(request.status).toBe('pending');
  });

  it('decides nothing about it, by no account and no ticket', async () => {
    for (const token of [cast.olga, linkedOlga]) {
      const approved = await cast.stack.decide(token, request.id);
      expect(refusal(approved)).toEqual([403, 'self_approval']);
      const denied = await cast.stack.decide(token, request.id, { verdict: 'deny' });
      expect(refusal(denied)).toEqual([409, 'use_withdraw']);
      const deferred = await cast.stack.decide(token, request.id, {
        verdict: 'defer',
        defer: { to: 'group:dba-leads' },
      });
      expect(refusal(deferred)).toEqual([403, 'self_approval']);
    }
    expect(refusal(await cast.ticket(cast.olga, request))).toEqual([403, 'self_approval']);
    const denial = await cast.ticket(cast.olga, request, { verdict: 'deny' });
    expect(refusal(denial)).toEqual([409, 'use_withdraw']);
    // With a token nobody gets one at all.
    expect(refusal(await cast.ticket(linkedOlga, request))).toEqual([403, 'sign_in_again']);
    expect(await decisionsOf(cast.stack, request.id)).toEqual([]);
  });

  it('does not find it in an inbox and sees no plan of it', async () => {
    for (const token of [cast.olga, linkedOlga]) {
      expect(await cast.inbox(token)).not.toContain(request.id);
      expect((await cast.show(token, request.id)).plan).toBeUndefined();
    }
    expect(await cast.inbox(cast.dmitri)).toContain(request.id);
  });

  it('withdraws it, which nobody beside those behind it can, and it never runs', async () => {
    const path = `/v1/requests/${request.id}/withdraw`;
    expect(refusal(await cast.post(cast.dmitri, path, {}))).toEqual([403, 'forbidden']);
    expect(refusal(await cast.post(namesake, path, {}))).toEqual([403, 'forbidden']);
    const withdrawn = await cast.post<RequestView>(linkedOlga, path, { reason: 'not needed' });
    expect([withdrawn.status, withdrawn.body.status]).toEqual([200, 'cancelled']);
    expect(refusal(await cast.stack.decide(cast.dmitri, request.id))).toEqual(isOver());
    expect(refusal(await cast.post(cast.olga, path, {}))).toEqual([409, 'request_finished']);
    expect(await stepsOf(cast.stack, request.id)).not.toContain('execution.claimed');
  });
});

describe('an agent', () => {
  it('never decides what it asked for', async () => {
    const request = await cast.ask();
    expect(refusal(await cast.stack.decide(cast.agent, request.id))).toEqual([403, 'machine_cannot_decide']);
    const denied = await cast.stack.decide(cast.agent, request.id, { verdict: 'deny' });
    expect(refusal(denied)).toEqual([403, 'machine_cannot_decide']);
    expect(refusal(await cast.ticket(cast.agent, request))).toEqual([403, 'machine_cannot_decide']);
    expect(refusal(await cast.get(cast.agent, '/v1/inbox'))).toEqual([403, 'machine_cannot_decide']);
  });

  it.each([
    ['the agent', () => Promise.resolve(cast.agent)],
    ['its owner', () => Promise.resolve(cast.ada)],
    ['the person it acts for', () => cast.stack.issuer.humanToken('omar')],
    ['its trigger', () => cast.stack.issuer.humanToken('petra')],
  ])('has its request withdrawn by %s', async (_who, tokenOf) => {
    const token = await cast.stack.issuer.agentToken('agent-billing', { trigger: 'petra' });
    const request = await cast.ask({ token, onBehalfOf: { subject: 'omar' } });
    const path = `/v1/requests/${request.id}/withdraw`;
    const withdrawn = await cast.post<RequestView>(await tokenOf(), path, {});
    expect([withdrawn.status, withdrawn.body.status]).toEqual([200, 'cancelled']);
  });

  it('cannot withdraw, or even know of, the request of another agent, no matter for whom that other acts', async () => {
    const token = await cast.stack.issuer.agentToken('agent-assistant', { onBehalfOf: 'ada' });
    const request = await cast.ask({ token });
    const path = `/v1/requests/${request.id}/withdraw`;
    const others = [cast.agent, await cast.stack.issuer.agentToken('agent-dba', { onBehalfOf: 'ada' })];
    for (const other of others) expect(refusal(await cast.post(other, path, {}))).toEqual([404, 'not_found']);
    expect((await cast.show(cast.dmitri, request.id)).status).toBe('pending');
  });

  it('that acts for people names one that the directory knows, or is refused', async () => {
    const token = await cast.stack.issuer.agentToken('agent-assistant');
    const reply = await cast.stack.request(token, bodyOf({}));
    expect(refusal(reply)).toEqual([403, 'acts_for_nobody']);
    const invented = await cast.stack.request(token, bodyOf({ onBehalfOf: { subject: 'nobody-at-all' } }));
    expect(refusal(invented)).toEqual([403, 'acts_for_nobody']);
  });

  it('that is retired, or that nobody declared, cannot ask', async () => {
    const retired = await cast.stack.issuer.agentToken('agent-retired');
    expect(refusal(await cast.stack.request(retired, bodyOf({})))).toEqual([403, 'requester_inactive']);
    const unknown = await cast.stack.issuer.agentToken('agent-nobody-declared');
    expect(refusal(await cast.stack.request(unknown, bodyOf({})))).toEqual([403, 'forbidden']);
  });
});

describe('the same name at another issuer', () => {
  it('is another person: no longer own, and still not entitled', async () => {
    const request = await cast.ask({ onBehalfOf: { issuer: cast.stack.secondIssuer.url, subject: 'olga' } });
    expect(refusal(await cast.stack.decide(namesake, request.id))).toEqual([403, 'self_approval']);
    expect((await cast.stack.decide(cast.olga, request.id)).status).toBe(200);
    await cast.stack.waitForStatus(request.id, 'succeeded');
    const other = await cast.ask();
    expect(refusal(await cast.stack.decide(namesake, other.id))).toEqual([403, 'not_eligible']);
  });
});

it('nobody who left the company decides, though the group still lists them, nor anybody who never was in it', async () => {
  const request = await cast.ask();
  const [ines, stranger] = await Promise.all(
    ['ines', 'stranger'].map((subject) => cast.stack.issuer.humanToken(subject)),
  );
  for (const verdict of ['approve', 'deny'] as const) {
    const decision = { verdict, decision_digest: request.decision_digest ?? '' };
    expect(refusal(await cast.ticket(ines ?? '', request, decision))).toEqual([403, 'reviewer_inactive']);
    expect(refusal(await cast.stack.decide(ines ?? '', request.id, decision))).toEqual([
      403,
      'reviewer_inactive',
    ]);
    expect(refusal(await cast.ticket(stranger ?? '', request, decision))).toEqual([403, 'reviewer_unknown']);
  }
  expect(await decisionsOf(cast.stack, request.id)).toEqual([]);
});
