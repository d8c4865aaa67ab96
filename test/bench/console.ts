import { randomUUID } from 'node:crypto';

import { benchStatement } from './keyturn.ts';
import { startFloor, type Floor } from './console-floor.ts';
import { callLines } from './console-calls.ts';
import { pageLines } from './console-pages.ts';
import { signedInBrowser } from './console-sessions.ts';
import { fanOutLines } from './fan-out.ts';
import { copyRequests } from '../stack/many-requests.ts';
import { startStack, type Stack, type StackOptions } from '../stack/stack.ts';

/** How much is measured. */
export interface ConsoleScale {
  readonly pending: number;
  readonly closed: number;
  readonly calls: number;
  readonly loads: number;
  readonly consoles: number;
  /** Requests that are asked about, five times each. */
  readonly changed: number;
}

/** Closed ones that somebody could look at; the others only fill the table, of which lists read the newest. */
const CLOSED_SHOWN_MAX = 2_000;

/**
 * The console as those who use it have it: pages in Chromium, their calls, and a change that is told to all, each beside
 * bare node:http that answers the same bytes. Answers lines of tables.
 */
export async function measureConsole(options: StackOptions, scale: ConsoleScale): Promise<readonly string[]> {
  const stack = await startStack(options);
  const floor = await startFloor();
  try {
    const requests = await fill(stack, scale);
    return [
      `With ${scale.pending} pending and ${scale.closed} closed requests; the worker rests meanwhile.`,
      '',
      ...(await inTables(stack, floor, { scale, requests })),
    ];
  } finally {
    floor.stop();
    await stack.stop();
  }
}

async function inTables(
  stack: Stack,
  floor: Floor,
  { scale, requests }: { readonly scale: ConsoleScale; readonly requests: readonly string[] },
): Promise<readonly string[]> {
  const session = await signedInBrowser(stack, 'olga');
  const [request = ''] = requests;
  return [
    ...(await callLines({ stack, floor, session, request }, scale.calls)),
    ...(await pageLines({ stack, floor, session, request }, scale.loads)),
    ...(await fanOutLines(stack, floor, {
      consoles: scale.consoles,
      requests: requests.slice(0, scale.changed),
    })),
  ];
}

/** Some real requests, and copies of the first. */
async function fill(stack: Stack, { pending, closed, changed }: ConsoleScale): Promise<readonly string[]> {
  const token = await stack.issuer.agentToken('agent-billing');
  const ids: string[] = [];
  while (ids.length < changed) {
    const body = {
      action: 'postgres.execute',
      target: 'shop',
      arguments: { statement: benchStatement(ids.length) },
    };
    const reply = await stack.request<{ id: string }>(token, body, { 'idempotency-key': randomUUID() });
    ids.push(String((await stack.waitForStatus(reply.body.id, 'pending'))['id']));
  }
  // It would make trees of the entries of the copies meanwhile.
  await Promise.all(stack.workers.map((worker) => worker.stop()));
  const [of = ''] = ids;
  const shown = Math.min(closed, CLOSED_SHOWN_MAX);
  await copyRequests(stack, { of, count: pending - ids.length, status: 'pending', isShown: true });
  await copyRequests(stack, { of, count: shown, status: 'succeeded', isShown: true });
  await copyRequests(stack, { of, count: closed - shown, status: 'succeeded', isShown: false });
  return ids;
}
