import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { leafHash, type Leaf } from '../../domain/audit/leaf.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk } from '../workflows/signed.ts';
import { called, pendingCaller, type Caller } from './called.ts';

/** Entries that somebody wrote around Keyturn hold up nothing that comes after them, and stand for nothing that was signed. */

let stack: Stack;
let desk: Desk;
let dependencies: Dependencies;
let activities: Activities;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  desk = await Desk.open(stack);
  dependencies = await openDependencies(stack, stack.temporal, new ScriptedTarget());
  activities = createActivities(dependencies);
});
afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

function now(): string {
  return new Date().toISOString();
}

function pending(): Promise<Caller> {
  return pendingCaller({ desk, activities });
}

/** The next entry of the request, changed, as one who may insert rows could leave it. */
async function plant({ id }: Caller, change: (leaf: Leaf) => object): Promise<void> {
  const { rows } = await stack.keyturnDb.query<{ leaf: string }>(
    'select leaf from audit.entry where request = $1 order by n desc limit 1',
    [id],
  );
  const last = rows[0]?.leaf ?? '';
  const before = JSON.parse(last) as Leaf;
  const next = { ...before, type: 'request.withdrawal_refused', id: `${id}/planted`, n: before.n + 1 };
  const leaf = change({ ...next, prev: leafHash(last), evidence: null, commit: {} } as Leaf);
  await stack.keyturnDb.query('insert into audit.entry (leaf) values ($1)', [JSON.stringify(leaf)]);
}

async function consume(caller: Caller, kind: 'decide' | 'withdraw', body: string): Promise<unknown> {
  await called(caller, activities.consume, { messages: [{ kind, body }], junk: 0, step: 1, at: now() });
  return (await desk.row(caller.id))['status'];
}

describe('after an entry that somebody planted', () => {
  it.each<readonly [string, (leaf: Leaf) => object]>([
    ['at a second of sixty', (leaf) => ({ ...leaf, at: leaf.at.replace(/\d\d\.\d{3}Z$/, '60.000Z') })],
    ['at no time', ({ at: _at, ...leaf }) => leaf],
    ['whose number is text', (leaf) => ({ ...leaf, n: String(leaf.n) })],
  ])('%s, a denial ends the request', async (_what, change) => {
    const caller = await pending();
    await plant(caller, change);
    expect(await consume(caller, 'decide', await desk.decision(caller.id, 'olga', { verdict: 'deny' }))).toBe(
      'denied',
    );
    const { rows } = await stack.keyturnDb.query<{ n: number }>(
      'select n from audit.entry where request = $1 order by n',
      [caller.id],
    );
    expect(rows.map(({ n }) => n)).toEqual(rows.map((_row, index) => index));
  });

  it.each<readonly [string, Leaf['evidence']]>([
    ['without evidence', null],
    ['that refers to something else', { grade: 'C', refs: [`sha256:${'0'.repeat(64)}`] }],
  ])('about a withdrawal %s, that withdrawal ends the request', async (_what, evidence) => {
    const caller = await pending();
    const envelope = await desk.withdrawal(caller.id, 'ada');
    const [, payload = ''] = envelope.split('.');
    const { id } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { id: string };
    await plant(caller, (leaf) => ({ ...leaf, evidence, facts: { withdrawal: id } }));
    expect(await consume(caller, 'withdraw', envelope)).toBe('cancelled');
    expect(await courseOf(stack, caller.id)).toContain('request.withdrawn');
  });
});
