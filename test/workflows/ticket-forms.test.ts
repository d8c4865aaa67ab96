import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { WorkflowState } from '../../workflows/messages.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { leavesOf, verdictsOf } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { signalRaw, type RawPayload } from './raw-signals.ts';
import { Desk } from './signed.ts';

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

type Form = (ticket: string) => RawPayload;

function json(value: unknown): RawPayload {
  return { encoding: 'json/plain', data: JSON.stringify(value) };
}

/** Each means one ticket and nothing else. */
const CLEAR: Readonly<Record<string, Form>> = {
  'a text': (ticket) => json(ticket),
  'an object': (ticket) => json({ ticket }),
  'the whole answer of the API': (ticket) => json({ ticket, expires_at: 'then', how_to_use: 'paste it' }),
  'a list of one': (ticket) => json([ticket]),
  'a list of one object': (ticket) => json([{ ticket }]),
  'encoded twice': (ticket) => json(JSON.stringify(ticket)),
  'an object, encoded twice': (ticket) => json(JSON.stringify({ ticket })),
  'without quotes': (ticket) => ({ encoding: 'json/plain', data: ticket }),
  bytes: (ticket) => ({ encoding: 'binary/plain', data: ticket }),
  'an encoding that nobody knows': (ticket) => ({ encoding: 'text/plain', data: ticket }),
  'no encoding': (ticket) => ({ encoding: null, data: ticket }),
  'with blanks and ends of lines around it': (ticket) => json(`\n  ${ticket}\r\n`),
};

/** May mean more than one thing, or nothing that can be read. */
const UNCLEAR: Readonly<Record<string, Form>> = {
  'a list of two': (ticket) => json([ticket, ticket]),
  'an empty list': () => json([]),
  'a list in an object': (ticket) => json({ ticket: [ticket] }),
  'an object with another name': (ticket) => json({ token: ticket }),
  'encoded many times': (ticket) =>
    json(Array.from({ length: 8 }).reduce<string>((text) => JSON.stringify(text), ticket)),
  'with a line break in its midst': (ticket) => json(ticket.split('.').join('.\n.')),
  'half of it': (ticket) => json(ticket.slice(0, ticket.indexOf('.'))),
  compressed: (ticket) => ({ encoding: 'binary/gzip', data: gzipSync(ticket) }),
  'in UTF-16': (ticket) => ({ encoding: 'binary/plain', data: Buffer.from(ticket, 'utf16le') }),
  'in base64': (ticket) => json(Buffer.from(ticket).toString('base64')),
  'an open quote': (ticket) => ({ encoding: 'json/plain', data: `"${ticket}` }),
  nothing: () => json(null),
};

async function ticketFor(id: string): Promise<string> {
  return desk.decision(id, 'olga', { ticketUntil: new Date(Date.now() + 600_000) });
}

function stateOf(id: string): Promise<WorkflowState> {
  return stack.temporal.workflow.getHandle(id).query<WorkflowState>('state');
}

async function unauthenticated(id: string): Promise<number> {
  return (await leavesOf(stack, id))
    .filter((leaf) => leaf.type === 'decision.unauthenticated')
    .reduce((sum, leaf) => sum + Number(leaf.facts['count']), 0);
}

describe('a ticket that is pasted in a form that means nothing else counts', () => {
  it.each(Object.entries(CLEAR))('%s', async (_name, form) => {
    const id = await desk.ask();
    await signalRaw(stack, { id, payload: form(await ticketFor(id)) });
    await stack.waitForStatus(id, 'succeeded');
    expect(await verdictsOf(stack, id)).toEqual(['olga: approve']);
    expect(await unauthenticated(id)).toBe(0);
  });
});

describe('a ticket in any other form does not vanish: it is shown as ignored, and is on record', () => {
  it.each(Object.entries(UNCLEAR))('%s', async (_name, form) => {
    const id = await desk.ask();
    await signalRaw(stack, { id, payload: form(await ticketFor(id)) });
    await waitFor({
      what: 'the sender to be notified',
      check: async () => ((await stateOf(id)).ignored_messages === 1 ? true : undefined),
    });
    await waitFor({
      what: 'the entry',
      check: async () => ((await unauthenticated(id)) === 1 ? true : undefined),
    });
    expect((await desk.row(id))['status']).toBe('pending');
    await desk.decide(id, 'olga', { verdict: 'deny' });
    await stack.waitForStatus(id, 'denied');
    expect(await verdictsOf(stack, id)).toEqual(['olga: deny']);
  });
});
