import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { ErrorCode } from '../../domain/errors.ts';
import { GOOD_BODY, type TestApi } from '../api/api.ts';
import type { Reply } from '../stack/http.ts';
import { startGateApi } from './api.ts';
import { release } from './policies.ts';

let api: TestApi;
let agent: string;

beforeAll(async () => {
  ({ api } = await startGateApi());
  agent = await api.issuer.agentToken('agent-billing');
});
afterEach(async () => {
  await api.db.query('update keyturn.kill_switch set lifted_at = now()');
});
afterAll(async () => {
  await api.stop();
});

type Body = Record<string, unknown>;

/** What may be wrong with what is asked for, in the order in which it is refused. */
const FAULTS: readonly (readonly [ErrorCode, (body: Body) => Body])[] = [
  ['unknown_action', (body) => ({ ...body, action: 'nobody.knows' })],
  ['unknown_target', (body) => ({ ...body, target: 'nowhere' })],
  [
    'mode_unsupported',
    (body) => ({ ...body, mode: body['action'] === GOOD_BODY.action ? 'gate' : 'execute' }),
  ],
  ['switched_off', (body) => body],
  ['arguments_invalid', (body) => ({ ...body, arguments: { nonsense: true } })],
  ['start_invalid', (body) => ({ ...body, start: { not_after: '2020-01-01T00:00:00Z' } })],
  ['break_glass_unavailable', (body) => ({ ...body, break_glass: true })],
];

/** Every fault together with every later one. */
const PAIRS = FAULTS.flatMap((first, index) => FAULTS.slice(index).map((later) => [first, later] as const));

const EXECUTE: Body = { ...GOOD_BODY, mode: 'execute' };
const DOORS: readonly (readonly [string, string, Body])[] = [
  ['a request', '/v1/requests', EXECUTE],
  ['a gate request', '/v1/requests', release('free')],
  ['a dry run of a request', '/v1/evaluate', EXECUTE],
  ['a dry run of a gate request', '/v1/evaluate', release('free')],
];

/** A policy dry run has no start window. */
function doorsFor(...codes: readonly ErrorCode[]): typeof DOORS {
  return codes.includes('start_invalid') ? DOORS.filter(([, path]) => path === '/v1/requests') : DOORS;
}

function ask(path: string, body: Body): Promise<Reply> {
  const headers = { 'idempotency-key': randomUUID(), prefer: 'wait=0' };
  return api.http({ path, token: agent, body, ...(path === '/v1/requests' ? { headers } : {}) });
}

async function stopEverything(): Promise<void> {
  const body = { scope: { kind: 'all', value: null }, reason: 'stop' };
  const reply = await api.http({ path: '/v1/switches', token: await api.issuer.humanToken('olga'), body });
  expect(reply.status).toBe(201);
}

describe('what is asked for is refused for the same reason, wherever it is asked', () => {
  it.each(PAIRS.map(([first, later]) => [first[0], later[0], [first, later]] as const))(
    '%s comes before %s',
    async (first, later, faults) => {
      if ([first, later].includes('switched_off')) await stopEverything();
      for (const [door, path, good] of doorsFor(first, later)) {
        const body = faults.reduceRight((changed, [, spoil]) => spoil(changed), good);
        const reply = await ask(path, body);
        expect({ door, code: (reply.body as { code?: string }).code }).toEqual({ door, code: first });
      }
    },
  );
});
