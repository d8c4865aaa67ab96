import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { decisionsOf, verdictsOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk } from '../workflows/signed.ts';
import { called, newCaller, type Caller } from './called.ts';

let stack: Stack;
let desk: Desk;
let dependencies: Dependencies;
/** When the server received what tickets, as history says. */
const received = new Map<string, string>();
let activities: Activities;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  desk = await Desk.open(stack);
  dependencies = await openDependencies(stack, stack.temporal, new ScriptedTarget());
  const history = { ...dependencies.history, signalsReceivedAt: async () => received };
  activities = createActivities({ ...dependencies, history });
});

afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

function now(): string {
  return new Date().toISOString();
}

async function pending(): Promise<Caller> {
  const caller = await newCaller(desk, 'shop');
  await called(caller, activities.receive, { request: caller.request.envelope, at: now() });
  const planned = await called(caller, activities.plan, { attempt: 1, at: now() });
  const plan_digest = planned.kind === 'planned' ? planned.plan_digest : '';
  await called(caller, activities.evaluate, { plan_digest, attempt: 1, at: now() });
  return caller;
}

function batchOf(body: string, step: number) {
  return { messages: [{ kind: 'decide' as const, body }], junk: 0, step, at: now() };
}

/** Texts that libraries read as the same envelope. */
const SPELLINGS: Readonly<Record<string, (envelope: string) => string>> = {
  'a trailing letter': (envelope) => `${envelope}A`,
  padding: (envelope) => `${envelope}==`,
  'a trailing blank': (envelope) => `${envelope} `,
  'a line break inside': (envelope) => `${envelope.slice(0, 40)}\n${envelope.slice(40)}`,
  'other unused bits': (envelope) => envelope.slice(0, -1) + nextLetter(envelope.at(-1) ?? 'A'),
  'padding of the header': (envelope) => envelope.replace('.', '=.'),
};

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function nextLetter(letter: string): string {
  return LETTERS[LETTERS.indexOf(letter) + 1] ?? 'A';
}

describe('an acknowledged denial', () => {
  it('counts as well where somebody else lets it be dated by history', async () => {
    const caller = await pending();
    const denial = await desk.decision(caller.id, 'olga', { verdict: 'deny' });
    await called(caller, activities.consumeLate, batchOf(denial, 1));
    expect(await verdictsOf(stack, caller.id)).toEqual(['olga: deny']);
    expect((await desk.row(caller.id))['status']).toBe('denied');
  });

  it.each(Object.keys(SPELLINGS))('is not used up by another spelling of it: %s', async (spelling) => {
    for (const isTicket of [false, true]) {
      const caller = await pending();
      const change = isTicket ? { ticketUntil: new Date(Date.now() + 60_000) } : {};
      const denial = await desk.decision(caller.id, 'olga', { verdict: 'deny', ...change });
      const other = SPELLINGS[spelling]?.(denial) ?? '';
      await called(caller, activities.consumeLate, batchOf(other, 1));
      await called(caller, activities.consume, batchOf(other, 2));
      expect(await decisionsOf(stack, caller.id)).toEqual([]);
      await called(caller, activities.consume, batchOf(denial, 3));
      expect(await verdictsOf(stack, caller.id)).toEqual(['olga: deny']);
    }
  });
});

describe('a ticket that nobody has sent', () => {
  it('is not used up by one who lets history be asked for it: it leaves no row', async () => {
    const caller = await pending();
    const ticket = await desk.decision(caller.id, 'olga', { ticketUntil: new Date(Date.now() + 60_000) });
    await called(caller, activities.consumeLate, batchOf(ticket, 1));
    expect(await decisionsOf(stack, caller.id)).toEqual([]);
    received.set(ticket, now());
    await called(caller, activities.consumeLate, batchOf(ticket, 1));
    expect(await verdictsOf(stack, caller.id)).toEqual(['olga: approve']);
  });
});
