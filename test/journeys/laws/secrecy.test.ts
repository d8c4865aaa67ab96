import fs from 'node:fs';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unseal, type SealingKeys } from '../../../domain/crypto/sealing.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { waitFor } from '../../stack/wait.ts';
import { openCast, refusal, waitForStep, type Cast } from './cast.ts';

/** Words that appear nowhere else: each may be known to the database and to the callers, to nobody besides. */
const WORDS = {
  statement: 'zebra-statement',
  refusedStatement: 'okapi-statement',
  justification: 'zebra-justification',
  link: 'https://zebra-link.example/',
  run: 'zebra-run',
  model: 'zebra-model',
  prompt: 'zebra-prompt',
  reason: 'zebra-reason',
  denial: 'zebra-denial',
  withdrawal: 'zebra-withdrawal',
  ticketReason: 'zebra-ticket-reason',
  junk: 'zebra-junk',
} as const;

let cast: Cast;
const tokens: string[] = [];
const requests: RequestView[] = [];

beforeAll(async () => {
  cast = await openCast({ env: { KEYTURN_LOG_LEVEL: 'trace' } });
  tokens.push(cast.agent, cast.olga, cast.dmitri);
  await playEverything();
});

afterAll(async () => cast?.stack.stop());

/** One request for each way of ending, with words to look for in each place that takes words. */
async function playEverything(): Promise<void> {
  const [approved, denied, withdrawn, ticketed, failed] = await Promise.all([
    ask(2001),
    ask(2002),
    ask(2003),
    ask(2004),
    ask(2005, `update customer set email = '${WORDS.refusedStatement}' where country::int = 1`),
  ]);
  await cast.stack.decide(cast.olga, approved.id, { reason: WORDS.reason });
  await cast.stack.decide(cast.olga, denied.id, { verdict: 'deny', reason: WORDS.denial });
  await cast.post(cast.agent, `/v1/requests/${withdrawn.id}/withdraw`, { reason: WORDS.withdrawal });
  const { body: ticket } = await cast.ticket(cast.olga, ticketed, { reason: WORDS.ticketReason });
  tokens.push(ticket.ticket);
  const workflow = cast.stack.temporal.workflow.getHandle(ticketed.id);
  await workflow.signal('decide', WORDS.junk);
  await workflow.signal('decide', ticket.ticket);
  await cast.stack.waitForStatus(approved.id, 'succeeded');
  await cast.stack.waitForStatus(ticketed.id, 'succeeded');
  expect((await cast.show(cast.olga, failed.id)).status).toBe('failed');
  await refuseEverything(approved.id);
  requests.push(approved, denied, withdrawn, ticketed, failed);
}

function ask(number: number, statement?: string): Promise<RequestView> {
  return cast.ask({
    statement:
      statement ?? `update customer set name = '${WORDS.statement}-${number}' where id = ${number - 2000}`,
    claims: {
      justification: WORDS.justification,
      links: [WORDS.link],
      run_id: WORDS.run,
      model: WORDS.model,
      prompt_digest: WORDS.prompt,
    },
  });
}

/** Bodies that are refused reach error paths, which like to quote. */
async function refuseEverything(id: string): Promise<void> {
  const bodies = [`{"action":"${WORDS.statement}",`, JSON.stringify({ [WORDS.statement]: 1 })];
  for (const body of bodies) {
    const reply = await cast.stack.request(cast.agent, body);
    expect(reply.status).toBe(400);
  }
  const reply = await cast.post(cast.olga, `/v1/requests/${id}/decisions`, {
    decision_digest: `sha256:${'0'.repeat(64)}`,
    verdict: 'approve',
    reason: WORDS.reason,
  });
  expect(reply.status).toBe(409);
}

describe('logs', () => {
  it('hold no statement, no claim, no reason, no token and no data of the target', () => {
    const programs = [...cast.stack.apis, ...cast.stack.workers];
    const customers = ['Anna ', 'Bruno ', '@example.com'];
    for (const { name, logFile } of programs) {
      const text = fs.readFileSync(logFile, 'utf8');
      expect(text.length, `${name} logs something`).toBeGreaterThan(100);
      for (const secret of [...Object.values(WORDS), ...customers, 'Bearer ', 'update customer']) {
        expect(text, `${name} and ${secret}`).not.toContain(secret);
      }
      for (const token of tokens) expect(text).not.toContain(token.split('.')[2]);
    }
  });

  it.each(['apis', 'workers'] as const)('of %s are lines of JSON and nothing else', (programs) => {
    const lines = linesOf(cast.stack[programs][0]?.logFile);
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
  });

  it('are about routes, not about addresses, and at their usual level not about health checks', () => {
    const answered = linesOf(cast.stack.apis[0]?.logFile)
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg === 'answered');
    const DEBUG = 20;
    const probes = answered.filter(({ route, status }) => route === '/readyz' && status === 200);
    expect(new Set(probes.map(({ level }) => level))).toEqual(new Set([DEBUG]));
    expect(answered.length).toBeGreaterThan(10);
    expect(new Set(answered.map((line) => line.route))).toContain('/v1/requests/:id/decisions');
    expect(JSON.stringify(answered)).not.toContain(requests[0]?.id);
  });
});

describe('what Temporal keeps', () => {
  it('holds no statement, no claim, no reason and no data of the target in clear, however it is wrapped', async () => {
    for (const { id } of requests) {
      const text = await everythingKept(id);
      expect(text).toContain('postgres.execute');
      expect(text).toContain('"kind":"request"');
      // That is inside an envelope, so envelopes were opened. What a stranger put into a signal is the stranger's.
      const secrets = Object.values(WORDS).filter((word) => word !== WORDS.junk);
      for (const secret of [...secrets, 'Anna ', '@example.com', 'update customer']) {
        expect(text, `${id} and ${secret}`).not.toContain(secret);
      }
    }
  });

  it('keeps what was sealed: with the key it can be opened, for its own place only', async () => {
    const [first, second] = requests.map(({ id }) => id);
    const sealed = /"arguments":"([^"]+)"/.exec(await everythingKept(String(first)))?.[1] ?? '';
    const opened = await unseal(sealed, `${first}/arguments`, sealingKeys());
    expect(JSON.stringify(opened)).toContain(WORDS.statement);
    await expect(unseal(sealed, `${second}/arguments`, sealingKeys())).rejects.toThrow();
  });

  it('has search attributes without names', async () => {
    const { searchAttributes } = await cast.stack.temporal.workflow
      .getHandle(requests[0]?.id ?? '')
      .describe();
    // The server adds BuildIds, whose digest of the code may spell any short name.
    const ours = Object.entries(searchAttributes).filter(([name]) => name !== 'BuildIds');
    const text = JSON.stringify(ours);
    expect(text).toContain('KeyturnStatus');
    expect(text).not.toMatch(/agent-billing|olga|ada|customer/);
  });
});

function sealingKeys(): SealingKeys {
  const file = fs.readFileSync(cast.stack.env['KEYTURN_SEALING_KEYS'] ?? '', 'utf8');
  const { keys } = JSON.parse(file) as { keys: [{ kid: string; k: string }] };
  return [{ kid: keys[0].kid, secret: Buffer.from(keys[0].k, 'base64url') }];
}

/** The history and the description of a workflow as one text, with everything decoded that can be. */
async function everythingKept(id: string): Promise<string> {
  const handle = cast.stack.temporal.workflow.getHandle(id);
  const history = JSON.parse(historyToJSON(await handle.fetchHistory())) as unknown;
  const { raw } = await handle.describe();
  return [...texts(history), ...texts(JSON.parse(JSON.stringify(raw)))].join('\n');
}

/** Every text in a value, and what is inside: payloads are base64, envelopes are base64url of JSON. */
function* texts(value: unknown): Generator<string> {
  if (typeof value === 'string') yield* decoded(value);
  else if (isBytes(value)) yield* decoded(Buffer.from(value.data).toString('utf8'));
  else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      yield name;
      yield* texts(inner);
    }
  }
}

function isBytes(value: unknown): value is { type: 'Buffer'; data: number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer';
}

function* decoded(text: string): Generator<string> {
  yield text;
  for (const part of text.match(/[\w+/-]{16,}={0,2}/g) ?? []) {
    const inner = Buffer.from(part, 'base64').toString('utf8');
    // Decoding what never was encoded gives noise; all that people write gives printable text.
    if (/^[\x20-\x7e\s]+$/.test(inner)) yield* decoded(inner);
  }
}

describe('measurements', () => {
  it('of API and worker are in the text format of Prometheus, without names', async () => {
    for (const { metricsUrl, name } of [...cast.stack.apis, ...cast.stack.workers]) {
      const response = await fetch(metricsUrl);
      const text = await response.text();
      expect(response.headers.get('content-type')).toMatch(/^text\/plain; .*version=/);
      const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      expect(samples.length).toBeGreaterThan(10);
      for (const line of samples) expect(line).toMatch(/^[a-z_:][\w:]*(\{.*\})? [\d.eE+-]+(NaN)?$|Nan$/i);
      expect(text, name).not.toMatch(/zebra|agent-billing|olga|req_/);
    }
  });

  it('count what happened', async () => {
    const api = await (await fetch(cast.stack.apis[0]?.metricsUrl ?? '')).text();
    expect(api).toMatch(/keyturn_requests_created_total\{outcome="created"\} [1-9]/);
    expect(api).toMatch(/keyturn_decisions_total\{verdict="approve",outcome="counted"\} 1\b/);
    expect(api).toMatch(
      /keyturn_http_request_duration_seconds_count\{[^}]*route="\/v1\/requests\/:id\/decisions"/,
    );
    const worker = await (await fetch(cast.stack.workers[0]?.metricsUrl ?? '')).text();
    expect(worker).toMatch(/keyturn_activity_duration_seconds_count\{[^}]*activity="execute"[^}]*\} 2\b/);
  });
});

describe('health', () => {
  it('is good while everything is there', async () => {
    for (const { url } of [...cast.stack.apis, ...cast.stack.workers]) {
      for (const path of ['/healthz', '/readyz']) expect((await fetch(`${url}${path}`)).status).toBe(200);
    }
  });

  it('says not ready while the database is away, refuses without details, and recovers by itself', async () => {
    const request = await cast.ask();
    await cutDatabase();
    try {
      for (const { url } of [...cast.stack.apis, ...cast.stack.workers]) {
        await waitForReady(url, 503);
        expect((await fetch(`${url}/healthz`)).status).toBe(200);
      }
      const ready = await cast.stack.http({ path: '/readyz' });
      expect(ready.body).toEqual({
        status: 'unavailable',
        checks: { database: 'unreachable', temporal: 'ok' },
      });
      const refused = await cast.get(cast.olga, `/v1/requests/${request.id}`);
      expect(refusal(refused)).toEqual([503, 'unavailable']);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(JSON.stringify(refused.body)).not.toMatch(/postgres|ECONN|stack_|127\.0\.0\.1/);
    } finally {
      await restoreDatabase();
    }
    for (const { url } of [...cast.stack.apis, ...cast.stack.workers]) await waitForReady(url, 200);
    expect((await cast.stack.decide(cast.dmitri, request.id)).status).toBe(200);
    await waitForStep(cast.stack, request.id, 'execution.succeeded');
  });
});

function waitForReady(url: string, status: number): Promise<true> {
  return waitFor({
    what: `${url}/readyz to answer ${status}`,
    check: async () => ((await fetch(`${url}/readyz`)).status === status ? true : undefined),
  });
}

/** Nobody can connect any more, and all who are connected are disconnected; this connection stays. */
async function cutDatabase(): Promise<void> {
  const database = `${cast.stack.name}_keyturn`;
  await cast.stack.target.query(`alter database ${database} allow_connections false`);
  const sql = 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and usename <> $2';
  await cast.stack.target.query(sql, [database, 'postgres']);
}

async function restoreDatabase(): Promise<void> {
  await cast.stack.target.query(`alter database ${cast.stack.name}_keyturn allow_connections true`);
}

function linesOf(file = ''): string[] {
  return fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
