import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { ErrorCode } from '../../domain/errors.ts';
import { GOOD_BODY, type TestApi } from '../api/api.ts';
import { startGateApi } from './api.ts';
import { release } from './policies.ts';

let api: TestApi;

beforeAll(async () => {
  ({ api } = await startGateApi());
});
afterEach(async () => {
  await api.db.query('update keyturn.kill_switch set lifted_at = now()');
});
afterAll(async () => {
  await api.stop();
});

interface Ask {
  readonly caller: 'agent-billing' | 'nobody' | 'agent-retired' | 'agent-assistant';
  readonly body: Readonly<Record<string, unknown>>;
  readonly key: string;
}

function withBody(change: (body: Ask['body']) => object): (ask: Ask) => Ask {
  return (ask) => ({ ...ask, body: { ...ask.body, ...change(ask.body) } });
}

const PUBLISH = { action: 'keyturn.policy.publish', target: 'keyturn' };
const USED_KEY = randomUUID();

/** What may be wrong with what is asked for, in the order in which it is refused. */
const FAULTS: readonly (readonly [ErrorCode, (ask: Ask) => Ask])[] = [
  ['forbidden', (ask) => ({ ...ask, caller: 'nobody' })],
  ['requester_inactive', (ask) => ({ ...ask, caller: 'agent-retired' })],
  ['acts_for_nobody', (ask) => ({ ...ask, caller: 'agent-assistant' })],
  ['unknown_policy', withBody(() => ({ ...PUBLISH, arguments: { candidate: `sha256:${'0'.repeat(64)}` } }))],
  ['idempotency_key_reused', (ask) => ({ ...ask, key: USED_KEY })],
  ['unknown_action', withBody(() => ({ action: 'nobody.knows' }))],
  ['unknown_target', withBody(() => ({ target: 'nowhere' }))],
  [
    'mode_unsupported',
    withBody(({ action }) => ({ mode: action === GOOD_BODY.action ? 'gate' : 'execute' })),
  ],
  ['switched_off', (ask) => ask],
  ['arguments_invalid', withBody(() => ({ arguments: { nonsense: true } }))],
  ['start_invalid', withBody(() => ({ start: { not_after: '2020-01-01T00:00:00Z' } }))],
  ['break_glass_unavailable', withBody(() => ({ break_glass: true }))],
];

/** Every fault together with every later one. */
const PAIRS = FAULTS.flatMap((first, index) => FAULTS.slice(index).map((later) => [first, later] as const));

const EXECUTE: Ask['body'] = { ...GOOD_BODY, mode: 'execute' };
const REQUESTS = '/v1/requests';
const DOORS: readonly (readonly [string, string, Ask['body']])[] = [
  ['a request', REQUESTS, EXECUTE],
  ['a gate request', REQUESTS, release('free')],
  ['a dry run of a request', '/v1/evaluate', EXECUTE],
  ['a dry run of a gate request', '/v1/evaluate', release('free')],
];

/** A policy dry run has no start window and no key. */
function doorsFor(codes: readonly ErrorCode[]): typeof DOORS {
  const isCreated = codes.includes('start_invalid') || codes.includes('idempotency_key_reused');
  return isCreated ? DOORS.filter(([, path]) => path === REQUESTS) : DOORS;
}

async function codeOf(path: string, { caller, body, key }: Ask): Promise<unknown> {
  const headers = path === REQUESTS ? { 'idempotency-key': key, prefer: 'wait=0' } : {};
  const reply = await api.http({ path, token: await api.issuer.agentToken(caller), body, headers });
  return (reply.body as { code?: string }).code;
}

async function stopEverything(): Promise<void> {
  const body = { scope: { kind: 'all', value: null }, reason: 'stop' };
  const reply = await api.http({ path: '/v1/switches', token: await api.issuer.humanToken('olga'), body });
  expect(reply.status).toBe(201);
}

/** From now on another call of the same key is refused, of whichever kind. */
async function useKey(): Promise<void> {
  const used = { caller: 'agent-billing', key: USED_KEY } as const;
  const other = { version: 'another' };
  expect(await codeOf(REQUESTS, { ...used, body: release('free', { arguments: other }) })).toBeUndefined();
}

describe('what is asked for is refused for the same reason, wherever it is asked', () => {
  beforeAll(useKey);

  it.each(PAIRS.map(([first, later]) => [first[0], later[0], [first, later]] as const))(
    '%s comes before %s',
    async (first, later, faults) => {
      if ([first, later].includes('switched_off')) await stopEverything();
      for (const [door, path, good] of doorsFor([first, later])) {
        const sent: Ask = { caller: 'agent-billing', body: good, key: randomUUID() };
        const code = await codeOf(
          path,
          faults.reduceRight((ask, [, spoil]) => spoil(ask), sent),
        );
        expect({ door, code }).toEqual({ door, code: first });
      }
    },
  );
});
