import { Writable } from 'node:stream';

import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';

import { createPostgresConnector } from '../../activities/connectors/postgres/postgres-connector.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { readRequest } from '../../database/readers.ts';
import { visibleFailure } from '../../domain/policy/visibility.ts';
import { withUser } from '../../scripts/servers/postgres.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk } from '../workflows/signed.ts';
import { called, newCaller, type Caller } from './called.ts';

const URL_VARIABLE = 'KEYTURN_TARGET_SHOP_URL';

let stack: Stack;
let desk: Desk;
let dependencies: Dependencies;
let activities: Activities;
let lines: Readonly<Record<string, unknown>>[] = [];

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  desk = await Desk.open(stack);
  const opened = await openDependencies(stack, stack.temporal, new ScriptedTarget());
  const log = pino({ level: 'info' }, new Writable({ write: keepLine }));
  dependencies = { ...opened, log, connectors: { 'postgres.execute': createPostgresConnector() } };
  activities = createActivities(dependencies);
});

afterEach(() => {
  lines = [];
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await dependencies.source.destroy();
  await stack.stop();
});

function keepLine(line: Buffer, _encoding: string, done: () => void): void {
  lines.push(JSON.parse(line.toString()) as Readonly<Record<string, unknown>>);
  done();
}

function now(): string {
  return new Date().toISOString();
}

async function received(statement: string): Promise<Caller> {
  const caller = await newCaller(desk, 'shop', { statement });
  await called(caller, activities.receive, { request: caller.request.envelope, at: now() });
  return caller;
}

function wrongPassword(): string {
  return withUser(stack.databases.target, 'keyturn_target', 'not-the-secret');
}

const STATEMENT = 'update account set credit_limit = 5 where id = 1001';

it('names the cause of a target without an answer in the log, and to those who may know it when the request ends', async () => {
  vi.stubEnv(URL_VARIABLE, wrongPassword());
  const caller = await received(STATEMENT);
  await expect(called(caller, activities.plan, { attempt: 1, at: now() })).rejects.toMatchObject({
    type: 'target_unreachable',
  });
  expect(lines.find(({ msg }) => msg === 'the target gave no plan')).toMatchObject({
    request: caller.id,
    target: 'shop',
    sql_state: '28P01',
    cause: expect.stringContaining('password authentication failed for user "keyturn_target"'),
  });
  await called(caller, activities.abandonPlanning, { step: '1', at: now() });
  const row = await readRequest(dependencies.source.manager, caller.id);
  const failure = row?.failure ?? expect.unreachable();
  expect(failure.detail).toMatch(
    /^The target gave no answer \(.+\): .*password authentication failed.*28P01/,
  );
  expect(visibleFailure(failure, 'approved')).toEqual({ code: 'target_unreachable' });
  expect(JSON.stringify([lines, failure])).not.toContain('not-the-secret');
});

it('names state and kind of an error of the server in the log, and no word of the server, which quotes values', async () => {
  vi.stubEnv(URL_VARIABLE, stack.databases.target);
  const caller = await received(`update account set credit_limit = 'hunter2' where id = 1001`);
  expect(await called(caller, activities.plan, { attempt: 1, at: now() })).toMatchObject({
    status: 'failed',
  });
  expect(lines.find(({ msg }) => msg === 'no plan was made')).toMatchObject({
    request: caller.id,
    target: 'shop',
    code: 'target_error',
    sql_state: '22P02',
    cause: 'invalid_text_representation',
  });
  expect(JSON.stringify(lines)).not.toContain('hunter2');
  const row = await readRequest(dependencies.source.manager, caller.id);
  expect(row?.failure?.detail).toContain('hunter2');
});

it('names the cause of an execution that had no answer', async () => {
  vi.stubEnv(URL_VARIABLE, stack.databases.target);
  const caller = await received(STATEMENT);
  const planned = await called(caller, activities.plan, { attempt: 1, at: now() });
  if (planned.kind !== 'planned') expect.unreachable();
  await called(caller, activities.evaluate, { plan_digest: planned.plan_digest, attempt: 1, at: now() });
  const messages = [{ kind: 'decide' as const, body: await desk.decision(caller.id, 'olga') }];
  await called(caller, activities.consume, { messages, junk: 0, step: 1, at: now() });
  vi.stubEnv(URL_VARIABLE, wrongPassword());
  await expect(called(caller, activities.execute, { step: 1, at: now() })).rejects.toMatchObject({
    type: 'target_unreachable',
  });
  expect(lines.find(({ msg }) => msg === 'execution ended without an answer')).toMatchObject({
    request: caller.id,
    target: 'shop',
    sql_state: '28P01',
    cause: expect.stringContaining('password authentication failed'),
  });
});
