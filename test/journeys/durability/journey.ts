import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { JSONWebKeySet } from 'jose';
import { expect } from 'vitest';

import { isFinal, REQUEST_STATUSES } from '../../../domain/request/status.ts';
import { evidenceSchema, verifyRequest } from '../../../domain/audit/verification/verify.ts';
import type { Reply } from '../../stack/http.ts';
import { startStack, type Stack, type StackOptions } from '../../stack/stack.ts';

/** A stack with people who decide on it. */
export interface Journey {
  readonly stack: Stack;
  readonly agent: string;
  readonly olga: string;
  readonly dmitri: string;
}

/** A request for one more euro of credit on an account that no other request touches. */
export interface Submitted {
  readonly id: string;
  readonly account: number;
  /** What the account had before. */
  readonly limit: number;
  readonly key: string;
}

/** How a request is made, where it is not made in the usual way. */
export interface AskOptions {
  readonly target?: string;
  /** Seconds to wait for the plan. */
  readonly wait?: number;
  readonly api?: number;
}

/** What the tests read of a request. */
export interface RequestBody {
  readonly id: string;
  readonly status: string;
  readonly decision_digest: string | null;
  readonly version: number;
  readonly code?: string;
}

const FIRST_ACCOUNT = 1001;
let accountsTaken = 0;

/** Starts a stack and signs everybody in. */
export async function startJourney(options: StackOptions = {}): Promise<Journey> {
  const stack = await startStack(options);
  const [agent, olga, dmitri] = await Promise.all([
    stack.issuer.agentToken('agent-billing'),
    stack.issuer.humanToken('olga'),
    stack.issuer.humanToken('dmitri'),
  ]);
  return { stack, agent, olga, dmitri };
}

/** An account of the shop that this test file has not used yet. */
export function freshAccount(): number {
  accountsTaken += 1;
  return FIRST_ACCOUNT + accountsTaken - 1;
}

/** The body of a request for one more euro of credit. */
export function oneMore(account: number, target = 'shop'): object {
  const statement = `update account set credit_limit = credit_limit + 1 where id = ${account}`;
  return { action: 'postgres.execute', target, arguments: { statement } };
}

/** Sends a create call, with a key that a test may repeat. */
export async function create(
  { stack, agent }: Journey,
  { account, key }: { readonly account: number; readonly key: string },
  { target, wait = 20, api }: AskOptions = {},
): Promise<Reply<RequestBody>> {
  const headers = { 'idempotency-key': key, prefer: `wait=${wait}` };
  const body = oneMore(account, target);
  return stack.http<RequestBody>({ path: '/v1/requests', token: agent, body, headers }, api);
}

/** Makes a request that is acknowledged. */
export async function ask(journey: Journey, options: AskOptions = {}): Promise<Submitted> {
  const submission = { account: freshAccount(), key: randomUUID() };
  const limit = await limitOf(journey.stack, submission.account);
  const { status, body } = await create(journey, submission, options);
  expect([201, 202], JSON.stringify(body)).toContain(status);
  return { ...submission, id: body.id, limit };
}

/** Makes a request and waits until people are asked. */
export async function askPending(journey: Journey, options: AskOptions = {}): Promise<Submitted> {
  const request = await ask(journey, options);
  await journey.stack.waitForStatus(request.id, 'pending');
  return request;
}

/** Approves a request. The approval is acknowledged: counted, or durable and not yet counted. */
export async function approve(
  { stack, olga }: Journey,
  { id }: { readonly id: string },
  token = olga,
): Promise<Reply<RequestBody>> {
  const reply = await stack.decide<RequestBody>(token, id);
  expect([200, 202], JSON.stringify(reply.body)).toContain(reply.status);
  return reply;
}

export async function limitOf(stack: Stack, account: number): Promise<number> {
  const { rows } = await stack.target.query<{ credit_limit: string }>(
    'select credit_limit from account where id = $1',
    [account],
  );
  return Number(rows[0]?.credit_limit);
}

/** How often the account was changed, as the target's own trigger noted it. */
async function changesOf(stack: Stack, account: number): Promise<number> {
  const sql = 'select count(*)::int as count from account_audit where account_id = $1';
  return countIn(stack.target.query(sql, [account]));
}

/** How many runs of a request the target has committed. */
export async function committedRuns(stack: Stack, id: string): Promise<number> {
  const sql = 'select count(*)::int as count from keyturn.execution where request_id = $1 and not fenced';
  return countIn(stack.target.query(sql, [id]));
}

/** How many claims of a request there are in a state. */
export async function claimsOf(stack: Stack, id: string, state: string): Promise<number> {
  const sql = 'select count(*)::int as count from keyturn.execution where request = $1 and state = $2';
  return countIn(stack.keyturnDb.query(sql, [id, state]));
}

async function countIn(query: Promise<{ readonly rows: readonly { count: number }[] }>): Promise<number> {
  const { rows } = await query;
  return rows[0]?.count ?? 0;
}

const FINAL = REQUEST_STATUSES.filter(isFinal);

/** The request has succeeded, its change was made exactly once, and its evidence holds. */
export async function expectMadeOnce(journey: Journey, request: Submitted): Promise<void> {
  const { stack } = journey;
  const { status, failure } = await stack.waitForStatus(request.id, FINAL, 150_000);
  expect({ status, failure }).toEqual({ status: 'succeeded', failure: null });
  const made = {
    added: (await limitOf(stack, request.account)) - request.limit,
    changes: await changesOf(stack, request.account),
    committed: await committedRuns(stack, request.id),
    succeeded: await claimsOf(stack, request.id, 'succeeded'),
    open: await claimsOf(stack, request.id, 'claimed'),
    broken: await brokenChecks(journey, request.id),
  };
  expect(made).toEqual({ added: 1, changes: 1, committed: 1, succeeded: 1, open: 0, broken: [] });
}

/** Nothing of the request has happened at the target. */
export async function expectUntouched({ stack }: Journey, request: Submitted): Promise<void> {
  const found = {
    limit: await limitOf(stack, request.account),
    changes: await changesOf(stack, request.account),
    committed: await committedRuns(stack, request.id),
  };
  expect(found).toEqual({ limit: request.limit, changes: 0, committed: 0 });
}

/** The workflow has ended, and says the same as the row. */
export async function expectClosedAs({ stack }: Journey, { id }: Submitted, status: string): Promise<void> {
  expect(await stack.temporal.workflow.getHandle(id).result()).toBe(status);
}

/** What is wrong with the evidence of a request, checked with keys that did not come from the API. */
export async function brokenChecks({ stack, olga }: Journey, id: string): Promise<readonly string[]> {
  const { body } = await stack.http({ path: `/v1/requests/${id}/evidence`, token: olga });
  const evidence = evidenceSchema.parse({ ...body, request: id });
  const keys = JSON.parse(
    readFileSync(stack.env['KEYTURN_VERIFICATION_KEYS'] ?? '', 'utf8'),
  ) as JSONWebKeySet;
  const report = await verifyRequest(evidence, keys, new Date().toISOString());
  return report.checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
}
