import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { requestId } from '../../domain/identity/ids.ts';
import { openEnvelope } from '../../domain/crypto/envelope.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import { unseal } from '../../domain/crypto/sealing.ts';
import { GOOD_BODY, startApi, type TestApi } from './api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

async function agent(): Promise<string> {
  return api.issuer.agentToken('agent-billing');
}

/** Everything that the start of a workflow carries in bytes: input, memo, search attributes, summary and details. */
async function startTexts(id: string): Promise<string[]> {
  const { events } = await api.context.temporal.workflow.getHandle(id).fetchHistory();
  return textsIn(events?.[0]);
}

function textsIn(value: unknown): string[] {
  if (value instanceof Uint8Array) return [Buffer.from(value).toString()];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

async function startInput(id: string): Promise<{ asked: Record<string, string>; request: string }> {
  const input = (await startTexts(id)).find((text) => text.startsWith('{"asked"'));
  return JSON.parse(input ?? '{}') as { asked: Record<string, string>; request: string };
}

describe('creating a request with no worker up', () => {
  it('answers 202 with the id of a durable workflow that carries the signed request', async () => {
    const reply = await api.create(await agent());
    expect(reply.status).toBe(202);
    expect(reply.body).toMatchObject({ status: 'planning', version: 0, environment: 'prod' });
    const id = String(reply.body['id']);
    expect(reply.headers.get('location')).toBe(`/v1/requests/${id}`);
    const signed = await openEnvelope(
      'request',
      (await startInput(id)).request,
      api.context.keys.verification,
    );
    expect(signed).toMatchObject({ id, action: 'postgres.execute', policy_digest: api.policyDigest });
    expect(signed.lineage.map(({ role, subject }) => `${role}:${subject}`)).toEqual([
      'requester:agent-billing',
      'owner:ada',
    ]);
    expect(await unseal(signed.arguments, `${id}/arguments`, api.context.keys.sealing)).toEqual(
      GOOD_BODY.arguments,
    );
  });

  it('puts no argument, claim or word of the agent in clear into Temporal', async () => {
    const body = {
      ...GOOD_BODY,
      arguments: { statement: 'select 4711 as tell_tale' },
      claims: { justification: 'tell_tale too' },
    };
    const reply = await api.create(await agent(), body);
    const id = String(reply.body['id']);
    const texts = await startTexts(id);
    expect(texts.length).toBeGreaterThan(3);
    const signedPart = JSON.stringify(decodeJwt((await startInput(id)).request));
    expect(`${texts.join(' ')} ${signedPart}`).not.toContain('tell_tale');
  });

  it('explains itself in the Temporal UI, also with names of the greatest length, none of which draws anything', async () => {
    const subject = '# ![x](http://evil) ' + '\u{1F600}'.repeat(240);
    const reply = await api.create(await agent(), { ...GOOD_BODY, on_behalf_of: { subject } });
    expect(reply.status).toBe(202);
    const handle = api.context.temporal.workflow.getHandle(String(reply.body['id']));
    const description = await handle.describe();
    expect(await description.staticSummary()).toContain('requested by `Billing agent`');
    const details = (await description.staticDetails()) ?? '';
    expect(details).toContain('keyturn approve');
    // As code, in which nothing is drawn and no address becomes a link.
    expect(details).not.toMatch(/^#/m);
    expect(details).toContain('on_behalf_of: `# ![x](http://evil) ');
  });

  it('finds the same request again by the same key, and shows it to its requester', async () => {
    const key = { 'idempotency-key': 'nightly/2026-11-22' };
    const first = await api.create(await agent(), GOOD_BODY, key);
    const second = await api.create(await agent(), GOOD_BODY, key);
    expect(second.body['id']).toBe(first.body['id']);
    expect(second.status).toBe(202);
    const shown = await api.http({ path: `/v1/requests/${String(first.body['id'])}`, token: await agent() });
    expect(shown.body).toMatchObject({
      id: first.body['id'],
      status: 'planning',
      arguments: GOOD_BODY.arguments,
    });
  });

  it('shows one whose workflow ended before it was recorded as failed, under its key as well', async () => {
    const key = { 'idempotency-key': 'ended before it was recorded' };
    const token = await agent();
    const id = String((await api.create(token, GOOD_BODY, key)).body['id']);
    await api.context.temporal.workflow.getHandle(id).terminate('gone');
    const lost = { id, status: 'failed', failure: { code: 'workflow_lost' } };
    expect(await api.http({ path: `/v1/requests/${id}`, token })).toMatchObject({ status: 200, body: lost });
    // No change of it ever comes, so nobody is kept waiting for one.
    const waiting = vi.spyOn(api.context.feed, 'waitFor');
    const waited = await api.http({ path: `/v1/requests/${id}?wait=60`, token });
    expect(waited).toMatchObject({ status: 200, body: lost });
    expect(waiting).not.toHaveBeenCalled();
    waiting.mockRestore();
    expect((await api.create(token, GOOD_BODY, key)).body).toMatchObject(lost);
    const withdrawn = await api.http({ path: `/v1/requests/${id}/withdraw`, token, body: {} });
    expect(withdrawn).toMatchObject({ status: 409, body: { code: 'request_finished' } });
  });

  it('shows one whose workflow is paused before it was recorded as one that goes on', async () => {
    const key = { 'idempotency-key': 'paused before it was recorded' };
    const token = await agent();
    const id = String((await api.create(token, GOOD_BODY, key)).body['id']);
    const handle = api.context.temporal.workflow.getHandle(id);
    const running = await handle.describe();
    const status = { ...running.status, name: 'PAUSED' as const };
    vi.spyOn(handle, 'describe').mockResolvedValue({ ...running, status });
    const paused = vi.spyOn(api.context.temporal.workflow, 'getHandle').mockReturnValue(handle);
    const open = { id, status: 'planning', failure: null };
    expect(await api.http({ path: `/v1/requests/${id}`, token })).toMatchObject({ status: 200, body: open });
    expect((await api.create(token, GOOD_BODY, key)).body).toMatchObject(open);
    paused.mockRestore();
  });

  it('refuses another intent under a key that was used', async () => {
    const key = { 'idempotency-key': 'one-key' };
    await api.create(await agent(), GOOD_BODY, key);
    const other = await api.create(await agent(), { ...GOOD_BODY, target: 'shop-strict' }, key);
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  it('makes one workflow of twenty creates with one key at once', async () => {
    const token = await agent();
    const key = { 'idempotency-key': 'all at once' };
    const replies = await Promise.all(Array.from({ length: 20 }, () => api.create(token, GOOD_BODY, key)));
    expect(new Set(replies.map((reply) => reply.body['id'])).size).toBe(1);
    expect(new Set(replies.map((reply) => reply.status))).toEqual(new Set([202]));
  });

  it('never confuses keys and subjects: issuers, delimiters and normal forms all count', async () => {
    const composed = 'caf\u00e9';
    const callers: [string, string][] = [
      [await api.issuer.agentToken('agent-billing'), 'k'],
      [await api.secondIssuer.agentToken('agent-billing'), 'k'],
      [await api.issuer.agentToken('agent-billing'), 'k:'],
      [await api.issuer.agentToken('agent-billing'), composed.normalize('NFC')],
      [await api.issuer.agentToken('agent-billing'), composed.normalize('NFD')],
      [await api.issuer.agentToken('agent-dba'), 'k'],
    ];
    const ids = await Promise.all(
      callers.map(async ([token, key]) => {
        const header = { 'idempotency-key': Buffer.from(key).toString('latin1') };
        return (await api.create(token, GOOD_BODY, header)).body['id'];
      }),
    );
    expect(new Set(ids).size).toBe(callers.length);
  });

  it('refuses a workflow with its id that somebody else started, instead of taking it for its own', async () => {
    const key = { 'idempotency-key': 'squatted' };
    const genuine = (await startInput(String((await api.create(await agent())).body['id']))).request;
    // With the identity key in hand, which nobody outside has, a test can know the id beforehand.
    const requester = { issuer: api.issuer.url, subject: 'agent-billing' };
    const id = requestId(api.context.keys.identity, requester, 'squatted');
    await api.context.temporal.workflow.start('privilegedAction', {
      workflowId: id,
      taskQueue: 'keyturn',
      args: [{ asked: {}, request: genuine }],
      memo: { intent_digest: decodeJwt(genuine)['intent_digest'] },
    });
    const reply = await api.create(await agent(), GOOD_BODY, key);
    expect(reply).toMatchObject({ status: 409, body: { code: 'foreign_run' } });
  });
});

interface Refusal {
  readonly token: () => Promise<string>;
  readonly body: unknown;
  readonly status: number;
  readonly code: ErrorCode;
}

describe('who may ask, and for what', () => {
  const refusals: readonly [string, Refusal][] = [
    [
      'an unknown agent',
      { token: () => api.issuer.agentToken('nobody'), body: GOOD_BODY, status: 403, code: 'forbidden' },
    ],
    [
      'a retired agent',
      {
        token: () => api.issuer.agentToken('agent-retired'),
        body: GOOD_BODY,
        status: 403,
        code: 'requester_inactive',
      },
    ],
    [
      'an inactive person',
      {
        token: () => api.issuer.humanToken('ines'),
        body: GOOD_BODY,
        status: 403,
        code: 'requester_inactive',
      },
    ],
    [
      'an agent for people naming nobody',
      {
        token: () => api.issuer.agentToken('agent-assistant'),
        body: GOOD_BODY,
        status: 403,
        code: 'acts_for_nobody',
      },
    ],
    [
      'an agent for people naming somebody invented',
      {
        token: () => api.issuer.agentToken('agent-assistant'),
        body: { ...GOOD_BODY, on_behalf_of: { subject: 'nobody-at-all' } },
        status: 403,
        code: 'acts_for_nobody',
      },
    ],
    [
      'an unknown action',
      { token: agent, body: { ...GOOD_BODY, action: 'aws.delete' }, status: 422, code: 'unknown_action' },
    ],
    [
      'an unknown target',
      { token: agent, body: { ...GOOD_BODY, target: 'nowhere' }, status: 422, code: 'unknown_target' },
    ],
    [
      'a mode that is not there yet',
      { token: agent, body: { ...GOOD_BODY, mode: 'lease' }, status: 422, code: 'mode_unsupported' },
    ],
    [
      'arguments beside the schema',
      {
        token: agent,
        body: { ...GOOD_BODY, arguments: { statement: 1 } },
        status: 422,
        code: 'arguments_invalid',
      },
    ],
    [
      'arguments too many',
      {
        token: agent,
        body: { ...GOOD_BODY, arguments: { statement: 'x', more: 1 } },
        status: 422,
        code: 'arguments_invalid',
      },
    ],
    [
      'a field nobody asked for',
      { token: agent, body: { ...GOOD_BODY, approve: true }, status: 400, code: 'invalid_request' },
    ],
    [
      'a link that is code',
      {
        token: agent,
        body: { ...GOOD_BODY, claims: { links: ['javascript:1'] } },
        status: 400,
        code: 'invalid_request',
      },
    ],
  ];

  it.each(refusals)('refuses %s', async (_name, { token, body, status, code }) => {
    expect(await api.create(await token(), body)).toMatchObject({ status, body: { code, status } });
  });

  it('refuses a missing or twisted Idempotency-Key', async () => {
    const token = await agent();
    for (const key of ['', 'x'.repeat(257), 'tab\there', '\xff\xfe']) {
      const code = key === '' ? 'idempotency_key_missing' : 'idempotency_key_invalid';
      const reply = await api.create(token, GOOD_BODY, { 'idempotency-key': key });
      expect(reply, key).toMatchObject({ status: 400, body: { code } });
    }
  });

  it('repeats a call whose token names the caller as its own trigger', async () => {
    const key = { 'idempotency-key': 'own trigger' };
    const token = await api.issuer.agentToken('agent-billing', { trigger: 'agent-billing' });
    const first = await api.create(token, GOOD_BODY, key);
    expect(first.status).toBe(202);
    expect(await api.create(token, GOOD_BODY, key)).toMatchObject({ body: { id: first.body['id'] } });
  });

  it('takes the actor of a delegated token as the agent, and everybody else named as part of the lineage', async () => {
    const token = await api.issuer.agentToken('agent-assistant', {
      onBehalfOf: 'dmitri',
      trigger: 'omar',
      claims: { act: { sub: 'agent-assistant', act: { sub: 'ci-job-7' } } },
    });
    const reply = await api.create(token, {
      ...GOOD_BODY,
      on_behalf_of: { issuer: api.secondIssuer.url, subject: 'olga' },
    });
    expect(reply.status).toBe(202);
    expect(
      (reply.body['lineage'] as { role: string; subject: string }[]).map(
        (one) => `${one.role}:${one.subject}`,
      ),
    ).toEqual([
      'requester:agent-assistant',
      'on_behalf_of:dmitri',
      'trigger:ci-job-7',
      'trigger:omar',
      'on_behalf_of:olga',
      'owner:ada',
    ]);
  });
});
