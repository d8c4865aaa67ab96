import { randomUUID } from 'node:crypto';

import { pause } from '../../scripts/servers/process.ts';
import { benchStatement, type Changes } from '../bench/keyturn.ts';
import { call, type Call, type Reply } from '../stack/http.ts';
import type { Stack } from '../stack/stack.ts';

/** One request of the soak, and what came of it. */
export interface Soaked {
  readonly number: number;
  readonly verdict: 'approve' | 'deny';
  /** When it was to be asked, by the driver's monotonic clock: what waits for the driver counts as waiting. */
  readonly dueMs: number;
  id?: string;
  pendingMs?: number;
  decidedMs?: number;
  ended?: { readonly status: string; readonly ms: number };
  /** Why it was given up. */
  fault?: string;
}

/** What the callers of the soak need. */
export interface Callers {
  readonly stack: Stack;
  readonly changes: Changes;
  readonly agent: string;
  /** People who may decide; they take turns. */
  readonly reviewers: readonly string[];
}

/** Every so many requests one is denied. */
const DENIED_EVERY = 10;
const GIVEN_UP_MS = 600_000;
const FINAL = ['succeeded', 'failed', 'denied', 'expired', 'cancelled', 'indeterminate'];

/**
 * Open loop: asks `rate` times a second, however long answers take, and decides each request as soon as people are asked.
 * `made` grows while it runs. Resolves when each of them has ended or was given up.
 */
export async function soak(
  callers: Callers,
  { rate, count }: { readonly rate: number; readonly count: number },
  made: Soaked[],
): Promise<void> {
  const startedMs = performance.now();
  const underWay: Promise<void>[] = [];
  for (let number = 0; number < count; number += 1) {
    const dueMs = startedMs + (number * 1_000) / rate;
    await pause(Math.max(0, dueMs - performance.now()));
    const verdict = number % DENIED_EVERY === DENIED_EVERY - 1 ? 'deny' : 'approve';
    const request: Soaked = { number, verdict, dueMs };
    made.push(request);
    underWay.push(
      carryThrough(callers, request).catch((error: unknown) => {
        request.fault = error instanceof Error ? error.message : String(error);
      }),
    );
  }
  await Promise.all(underWay);
}

async function carryThrough(callers: Callers, request: Soaked): Promise<void> {
  const { changes } = callers;
  const id = await ask(callers, request);
  request.id = id;
  const status = await changes.wait(id, ['pending', ...FINAL]);
  request.pendingMs = performance.now();
  if (status === 'pending') {
    request.decidedMs = performance.now();
    await decide(callers, request, id);
  }
  request.ended = { status: await changes.wait(id, FINAL), ms: performance.now() };
}

async function ask({ stack, agent }: Callers, { number }: Soaked): Promise<string> {
  const statement = benchStatement(number);
  const reply = await untilAnswered<{ id: string }>(stack, number, {
    path: '/v1/requests',
    token: agent,
    body: { action: 'postgres.execute', target: 'shop', arguments: { statement } },
    headers: { 'idempotency-key': randomUUID(), prefer: 'wait=0' },
  });
  if (reply.status >= 300) throw refused(reply);
  return reply.body.id;
}

async function decide(callers: Callers, { number, verdict }: Soaked, id: string): Promise<void> {
  const { stack, changes, reviewers } = callers;
  for (;;) {
    const decision_digest = await changes.digest(id);
    const reply = await untilAnswered(stack, number, {
      path: `/v1/requests/${id}/decisions`,
      token: reviewers[number % reviewers.length],
      body: { verdict, reason: 'looks right', decision_digest },
    });
    if (reply.status < 300) return;
    if (reply.status !== 409) throw refused(reply);
    // Either a decision counts whose answer was lost, or people are asked about something else now.
    if (decision_digest === (await changes.digest(id))) return;
  }
}

/** As a client has to: the same call again, at the next API, until one answers something else than "not now". */
async function untilAnswered<T>(stack: Stack, number: number, options: Call): Promise<Reply<T>> {
  const untilMs = performance.now() + GIVEN_UP_MS;
  for (let attempt = number; performance.now() < untilMs; attempt += 1) {
    const api = stack.apis[attempt % stack.apis.length];
    const reply = await call<T>(api?.url ?? '', options).catch(whenCutOff);
    if (reply && reply.status < 500) return reply;
    await pause(100);
  }
  throw new Error(`${options.path} was not answered in time.`);
}

function refused({ status, body }: Reply<unknown>): Error {
  return new Error(`Answered ${status}: ${JSON.stringify(body)}`);
}

/** What `fetch` throws when the other side is gone. */
function whenCutOff(error: unknown): undefined {
  if (!(error instanceof TypeError)) throw error;
}
