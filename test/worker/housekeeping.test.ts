import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ADVISORY_LOCKS, withAdvisoryLock } from '../../database/advisory-locks.ts';
import { createDataSource } from '../../database/data-source.ts';
import { keepMessage } from '../../database/kept-messages.ts';
import { generationsNow, generationsSeen } from '../../database/reconsideration.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, executionsOf, verdictsOf } from '../workflows/facts.ts';
import { activate, activePolicy, changeRule } from '../workflows/policies.ts';
import { Desk, randomId } from '../workflows/signed.ts';

let stack: Stack;
let desk: Desk;

function open(url: string): Promise<DataSource> {
  return createDataSource({ url, applicationName: 'test', poolSize: 1 }).initialize();
}

let folder: string;

/** One of the workers polls who is on call for as long as it lives: housekeeping goes on beside it. */
beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-housekeeping-'));
  const onCall = path.join(folder, 'on-call.yaml');
  const url = 'http://127.0.0.1:9/{schedule}';
  const source = { name: 'own', kind: 'http', issuer: 'https://pager.example', url };
  fs.writeFileSync(onCall, stringify({ sources: [source] }));
  const env = { KEYTURN_SWEEP_INTERVAL_SECONDS: '1', KEYTURN_ONCALL: onCall };
  stack = await startStack({ apis: 0, workers: 2, env });
  desk = await Desk.open(stack);
  await waitFor({ what: 'a worker to poll', check: async () => ((await isPolling()) ? true : undefined) });
});

afterAll(async () => {
  await stack?.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function isPolling(): Promise<boolean> {
  const { rows } = await stack.keyturnDb.query(
    `select from pg_locks where locktype = 'advisory' and granted and objid = $1`,
    [ADVISORY_LOCKS.polling],
  );
  return rows.length > 0;
}

/** As the API keeps what it has acknowledged and the workflow has not confirmed. */
async function keep(id: string, kind: 'decide' | 'withdraw', envelope: string): Promise<void> {
  const source = await open(stack.databases.keyturn.api);
  expect(await keepMessage(source.manager, id, { id: randomId('dec'), kind, envelope })).toBe(true);
  await source.destroy();
}

async function metric(name: string): Promise<number> {
  const texts = await Promise.all(
    stack.workers.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
  );
  const values = texts.flatMap((text) =>
    text.split('\n').flatMap((line) => (line.startsWith(`${name} `) ? [Number(line.split(' ')[1])] : [])),
  );
  return Math.max(0, ...values);
}

/** Somebody else's run under the id of a request whose own run is gone. */
async function impose(id: string): Promise<() => Promise<number>> {
  await stack.temporal.workflow.getHandle(id).terminate('to take its id');
  const args = [{}];
  const imposter = await stack.temporal.workflow.start('privilegedAction', {
    workflowId: id,
    taskQueue: 'nobody',
    args,
  });
  return async () => {
    const run = stack.temporal.workflow.getHandle(id, imposter.firstExecutionRunId);
    const { events } = await run.fetchHistory();
    return (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes).length;
  };
}

describe('what was acknowledged and never reached its workflow', () => {
  it.each([
    { what: 'an approval', kind: 'decide', verdict: 'approve', status: 'succeeded' },
    { what: 'a denial', kind: 'decide', verdict: 'deny', status: 'denied' },
    { what: 'a withdrawal', kind: 'withdraw', verdict: 'approve', status: 'cancelled' },
  ] as const)('$what is taken by a worker, and the workflow finds out', async ({ kind, verdict, status }) => {
    const id = await desk.ask();
    const envelope =
      kind === 'decide' ? await desk.decision(id, 'olga', { verdict }) : await desk.withdrawal(id, 'ada');
    await keep(id, kind, envelope);
    await stack.waitForStatus(id, status);
    expect(await stack.temporal.workflow.getHandle(id).result()).toBe(status);
    expect(await executionsOf(stack, id)).toHaveLength(status === 'succeeded' ? 1 : 0);
  });

  it('counts once when its workflow got it as well, after workers were away', async () => {
    const id = await desk.ask();
    await Promise.all(stack.workers.map((worker) => worker.stop()));
    const envelope = await desk.decide(id, 'olga');
    await keep(id, 'decide', envelope);
    await Promise.all(stack.workers.map((worker) => worker.start()));
    await stack.waitForStatus(id, 'succeeded');
    expect(await verdictsOf(stack, id)).toEqual(['olga: approve']);
    expect((await courseOf(stack, id)).filter((type) => type === 'decision.counted')).toHaveLength(1);
  });

  it('is not lost with its workflow, and a run of somebody else under its id hears nothing of it', async () => {
    const id = await desk.ask();
    await keep(id, 'decide', await desk.decision(id, 'olga', { verdict: 'deny' }));
    const signals = await impose(id);
    await stack.waitForStatus(id, ['denied', 'cancelled']);
    await waitFor({
      what: 'the denial to be on record',
      check: async () => ((await courseOf(stack, id)).includes('decision.counted') ? true : undefined),
    });
    expect(await signals()).toBe(0);
  });
});

describe('a hint that rules changed', () => {
  it('goes to the run of the request, never to a run of somebody else under its id', async () => {
    const [taken, own] = [await desk.ask(), await desk.ask()];
    const signals = await impose(taken);
    const policy = await activePolicy(stack.keyturnDb);
    const forbid = changeRule('usual', (rule) => ({ ...rule, effect: 'forbid' }));
    await activate(stack.keyturnDb, forbid(policy));
    await stack.waitForStatus(own, 'denied');
    await activate(stack.keyturnDb, policy);
    const source = await open(stack.databases.keyturn.worker);
    await waitFor({
      what: 'everybody to be notified',
      check: async () =>
        (await generationsSeen(source.manager)) === (await generationsNow(source.manager)) ? true : undefined,
    });
    await source.destroy();
    expect(await signals()).toBe(0);
  });
});

describe('the sweep of the workers', () => {
  it('is nobody else’s to stop: a request whose workflow is gone is closed, and the time is shown', async () => {
    const id = await desk.ask();
    const before = Date.now() / 1_000;
    await stack.temporal.workflow.getHandle(id).terminate('gone');
    await stack.waitForStatus(id, 'cancelled');
    await waitFor({
      what: 'a later sweep',
      check: async () => ((await metric('keyturn_sweep_last_timestamp_seconds')) > before ? true : undefined),
    });
    await waitFor({
      what: 'the orphan to be counted',
      check: async () =>
        (await metric('keyturn_sweep_found_total{what="orphaned"}')) > 0 ? true : undefined,
    });
  });

  it('reports a request that is over though a claim on it is open', async () => {
    const id = await desk.ask();
    await desk.decide(id, 'olga', { verdict: 'deny' });
    await stack.waitForStatus(id, 'denied');
    // As only the owner of the database can write it.
    await stack.keyturnDb.query('begin');
    await stack.keyturnDb.query('alter table keyturn.execution disable trigger user');
    await stack.keyturnDb.query(
      `insert into keyturn.execution (request, attempt, idempotency_key, decision_digest, state, claimed_at)
       values ($1, 1, $1, 'digest', 'claimed', now())`,
      [id],
    );
    await stack.keyturnDb.query('alter table keyturn.execution enable trigger user');
    await stack.keyturnDb.query('commit');
    await waitFor({
      what: 'the open claim to be reported',
      check: async () => ((await metric('keyturn_sweep_open_claims')) === 1 ? true : undefined),
    });
    expect((await desk.row(id))['status']).toBe('denied');
  });

  it('is one worker’s at a time', async () => {
    const [one, other] = await Promise.all([1, 2].map(() => open(stack.databases.keyturn.worker)));
    if (!one || !other) expect.unreachable();
    // The worker of these tests holds it now and then.
    const whileFree = <T>(source: typeof one, work: () => Promise<T>): Promise<T> =>
      waitFor({
        what: 'the lock of housekeeping to be free',
        check: async () => (await withAdvisoryLock(source, 'housekeeping', work)) ?? undefined,
      });
    const held = await whileFree(one, async () => ({
      rival: await withAdvisoryLock(other, 'housekeeping', async () => 'both'),
    }));
    expect(held).toEqual({ rival: null });
    expect(await whileFree(other, async () => 'afterwards')).toBe('afterwards');
    await Promise.all([one.destroy(), other.destroy()]);
  });
});
