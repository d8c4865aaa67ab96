import { generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { signEnvelope } from '../../domain/crypto/envelope.ts';
import { canonicalJson } from '../../domain/crypto/canonical-json.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf, leavesOf, waitForLeaves, waitForVerdicts } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { Desk, type Ask } from './signed.ts';

let stack: Stack;
let desk: Desk;
let worker: LocalWorker;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  worker = await startLocalWorker(stack);
  desk = await Desk.open(stack);
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

function effectsOf(id: string): number {
  return worker.target.effects.filter((effect) => effect === id).length;
}

async function junkOf(id: string): Promise<number> {
  return (await leavesOf(stack, id))
    .filter((leaf) => leaf.type === 'decision.unauthenticated')
    .reduce((sum, leaf) => sum + Number(leaf.facts['count']), 0);
}

describe('a forged decision does not count', () => {
  /** Sends forged signals, waits until each is on record as unauthenticated, and lets a real decision follow. */
  async function expectJunk(id: string, forged: readonly { name: 'decide' | 'withdraw'; body: unknown }[]) {
    for (const { name, body } of forged) await desk.signal(id, body, name);
    await waitForLeaves(stack, id, { type: 'decision.unauthenticated' });
    expect((await desk.row(id))['status']).toBe('pending');
    expect(effectsOf(id)).toBe(0);
    await desk.decide(id, 'olga');
    await stack.waitForStatus(id, 'succeeded');
    expect(await junkOf(id)).toBe(forged.length);
    expect(effectsOf(id)).toBe(1);
    expect((await courseOf(stack, id)).filter((type) => type === 'decision.counted')).toHaveLength(1);
  }

  it('without a signature, with another key, or changed after signing', async () => {
    const id = await desk.ask();
    const payload = await desk.decisionPayload(id, 'olga');
    const real = await signEnvelope(payload, desk.signer);
    const [header = '', , signature = ''] = real.split('.');
    const encoded = (value: unknown): string => Buffer.from(canonicalJson(value)).toString('base64url');
    const none = encoded({ alg: 'none', typ: 'keyturn-decision+jws', kid: desk.signer.kid });
    const hmac = encoded({ alg: 'HS256', typ: 'keyturn-decision+jws', kid: desk.signer.kid });
    const { privateKey } = await generateKeyPair('EdDSA');
    const bodies = [
      `${none}.${encoded(payload)}.`,
      `${none}.${encoded(payload)}.${signature}`,
      `${hmac}.${encoded(payload)}.${signature}`,
      await signEnvelope(payload, { kid: desk.signer.kid, key: privateKey }),
      [header, encoded({ ...payload, reviewer: desk.account('dmitri') }), signature].join('.'),
      `${real}A`,
    ];
    await expectJunk(
      id,
      bodies.map((body) => ({ name: 'decide', body })),
    );
  });

  it('of another request, or of another kind than its signal', async () => {
    const [id, other] = [await desk.ask(), await desk.ask()];
    const real = await desk.signRequest();
    await expectJunk(id, [
      { name: 'decide', body: await desk.decision(other, 'olga') },
      { name: 'withdraw', body: await desk.decision(id, 'olga', { verdict: 'deny' }) },
      { name: 'decide', body: await desk.withdrawal(id, 'ada') },
      { name: 'withdraw', body: await desk.withdrawal(other, 'ada') },
      { name: 'decide', body: real.envelope },
    ]);
    expect((await desk.row(other))['status']).toBe('pending');
  });

  it('that is signed, but on another digest, dated in the future, or by somebody unknown', async () => {
    const id = await desk.ask();
    const inAMinute = new Date(Date.now() + 60_000).toISOString();
    await desk.decide(id, 'olga', { decision_digest: `sha256:${'0'.repeat(64)}` });
    await desk.decide(id, 'olga', { issued_at: inAMinute });
    await desk.decide(id, 'nobody');
    await desk.decide(id, 'omar');
    expect((await waitForVerdicts(stack, id, 4)).sort()).toEqual([
      'nobody: reviewer_unknown',
      'olga: decision_digest_stale',
      'olga: envelope_invalid',
      'omar: not_eligible',
    ]);
    expect((await desk.row(id))['status']).toBe('pending');
  });
});

describe('nobody approves their own request, also not with a signed decision sent around the API', () => {
  const onBehalfOf = (subject: string, isSecond = false): Ask => ({
    lineage: [{ role: 'on_behalf_of', ...desk.account(subject, isSecond) }],
  });
  const cases: readonly { who: string; ask: () => Ask; reviewer: string; refusal: string }[] = [
    {
      who: 'the agent',
      ask: () => ({ requester: 'agent-dba' }),
      reviewer: 'agent-dba',
      refusal: 'reviewer_unknown',
    },
    {
      who: 'the owner of the agent',
      ask: () => ({ requester: 'agent-dba' }),
      reviewer: 'olga',
      refusal: 'self_approval',
    },
    {
      who: 'a person who asks',
      ask: () => ({ requester: 'dmitri' }),
      reviewer: 'dmitri',
      refusal: 'self_approval',
    },
    {
      who: 'the person that the agent acts for',
      ask: () => onBehalfOf('dmitri'),
      reviewer: 'dmitri',
      refusal: 'self_approval',
    },
    {
      who: 'the person who triggered the run',
      ask: () => ({ lineage: [desk.member('trigger', 'dmitri')] }),
      reviewer: 'dmitri',
      refusal: 'self_approval',
    },
    {
      who: 'the last editor of the arguments',
      ask: () => ({ lineage: [desk.member('editor', 'dmitri')] }),
      reviewer: 'dmitri',
      refusal: 'self_approval',
    },
    {
      who: 'a linked account of the person that the agent acts for',
      ask: () => onBehalfOf('olga.petrenko', true),
      reviewer: 'olga',
      refusal: 'self_approval',
    },
  ];

  it.each(cases)('$who', async ({ ask, reviewer, refusal }) => {
    const id = await desk.ask(ask());
    await desk.decide(id, reviewer);
    expect(await waitForVerdicts(stack, id, 1)).toEqual([`${reviewer}: ${refusal}`]);
    expect((await desk.row(id))['status']).toBe('pending');
    expect(effectsOf(id)).toBe(0);
    const other = reviewer === 'olga' ? 'dmitri' : 'olga';
    if (reviewer === 'agent-dba') return;
    await desk.decide(id, other);
    await stack.waitForStatus(id, 'succeeded');
  });

  it('through a linked account of their own', async () => {
    const id = await desk.ask({ requester: 'agent-dba' });
    await desk.decide(id, 'olga.petrenko', { isSecondIssuer: true });
    expect(await waitForVerdicts(stack, id, 1)).toEqual(['olga.petrenko: self_approval']);
    expect((await desk.row(id))['status']).toBe('pending');
  });
});
