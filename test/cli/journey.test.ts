import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RequestView } from '../../contract/requests.ts';
import { startStack, type CliResult, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { keyturn as keyturnHere } from './terminal.ts';

let stack: Stack;
let agent: string;
let olga: string;

beforeAll(async () => {
  stack = await startStack();
  agent = await stack.issuer.agentToken('agent-billing');
  olga = await stack.issuer.humanToken('olga');
});

afterAll(async () => {
  await stack?.stop();
});

function keyturn(token: string, ...args: readonly string[]): Promise<CliResult> {
  return stack.cli(args, { KEYTURN_API_URL: stack.apis[0]?.url ?? '', KEYTURN_TOKEN: token });
}

async function ask(customer: number, target = 'shop'): Promise<RequestView> {
  const statement = `statement=update customer set country = 'SE' where id = ${customer}`;
  const words = ['--justification', 'moved to Sweden\u001b[2J'];
  const result = await keyturn(
    agent,
    'request',
    'postgres.execute',
    target,
    '-a',
    statement,
    ...words,
    '--wait',
    '20',
    '--json',
  );
  expect([result.code, result.stderr]).toEqual([0, '']);
  return JSON.parse(result.stdout);
}

async function countryOf(customer: number): Promise<string> {
  const found = await stack.target.query('select country from customer where id = $1', [customer]);
  return String(found.rows[0]?.country);
}

type RecordedEvent = Readonly<Record<string, unknown>>;
interface RecordedHistory {
  events: RecordedEvent[];
}

function renamed(event: RecordedEvent): RecordedEvent {
  const attributes = event['activityTaskScheduledEventAttributes'] as RecordedEvent;
  return {
    ...event,
    activityTaskScheduledEventAttributes: { ...attributes, activityType: { name: 'another' } },
  };
}

function timed({
  activityTaskScheduledEventAttributes: _attributes,
  ...event
}: RecordedEvent): RecordedEvent {
  const timer = { timerId: '1', startToFireTimeout: '10s', workflowTaskCompletedEventId: '4' };
  return { ...event, eventType: 'EVENT_TYPE_TIMER_STARTED', timerStartedEventAttributes: timer };
}

describe('a request from the command line', () => {
  let request: RequestView;

  it('is made by the agent and held', async () => {
    request = await ask(1);
    expect(request.status).toBe('pending');
    expect(request.plan).toBeUndefined();
  });

  it('is in the inbox of somebody who may decide, and of nobody behind it', async () => {
    expect((await keyturn(olga, 'inbox')).stdout).toContain(request.id);
    const ada = await stack.issuer.humanToken('ada');
    const empty = await keyturn(ada, 'inbox');
    expect([empty.stdout, empty.stderr]).toEqual(['', 'Nothing is waiting for your decision.\n']);
  });

  it('shows the truth first, the words of the agent last and harmless', async () => {
    const { stdout } = await keyturn(olga, 'show', request.id);
    const expected = [
      'What will happen',
      '+ country "SE"',
      "In the requester's own words",
      'moved to Sweden<U+001B>[2J',
      'What happened',
    ];
    expect(expected.map((text) => stdout.indexOf(text))).not.toContain(-1);
    expect(expected.map((text) => stdout.indexOf(text))).toEqual(
      expected.map((text) => stdout.indexOf(text)).toSorted((a, b) => a - b),
    );
    expect(stdout).not.toContain('\u001b');
  });

  it('is decided in the console, to which the command line leads, with what is shown', async () => {
    const environment = {
      KEYTURN_API_URL: stack.apis[0]?.url ?? '',
      KEYTURN_TOKEN: await stack.issuer.cliToken('olga'),
    };
    let deciding: Promise<unknown> | undefined;
    const decide = (text: string): void => {
      if (text.startsWith('Waiting')) deciding = stack.decide(olga, request.id, { reason: 'fine' });
    };
    const led = await keyturnHere(['approve', request.id], { environment, onError: decide });
    await deciding;
    expect([led.code, led.out]).toEqual([0, expect.stringContaining('Your decision (approve) is recorded.')]);
    expect(led.out).toContain('+ country "SE"');
    expect(led.error).toContain(`/requests/${request.id}`);
    const watched = await keyturn(olga, 'watch', request.id);
    expect(watched.stderr.trim().split('\n').at(-1)).toBe('Status: succeeded');
    expect(await countryOf(1)).toBe('SE');
  });

  it('is verified with the keys of the server and with pinned ones', async () => {
    const server = await keyturn(olga, 'verify', request.id);
    expect([server.code, server.stdout]).toEqual([0, expect.stringContaining('All checks hold.')]);
    const pinned = await keyturn(
      olga,
      'verify',
      request.id,
      '--keys',
      stack.env['KEYTURN_VERIFICATION_KEYS'] ?? '',
      '--json',
    );
    expect(JSON.parse(pinned.stdout)).toMatchObject({ ok: true, keys: 'pinned' });
  });

  it('is replayed like it was recorded', async () => {
    const one = await keyturn('', 'replay', request.id, '--json');
    expect([one.code, JSON.parse(one.stdout)]).toEqual([0, { ok: true, replayed: 1, different: [] }]);
    expect((await keyturn('', 'replay', '--all')).code).toBe(0);
  });

  it.each([
    ['another activity', 'ActivityTaskScheduled', renamed],
    ['a timer instead of an activity', 'TimerStarted', timed],
  ])('names the first event when the code would do %s', async (_what, type, change) => {
    const history = await stack.temporal.workflow.getHandle(request.id).fetchHistory();
    const json: RecordedHistory = JSON.parse(historyToJSON(history));
    const position = json.events.findIndex((event) => 'activityTaskScheduledEventAttributes' in event);
    json.events = json.events.map((event, index) => (index === position ? change(event) : event));
    const file = join(stack.folder, 'history.json');
    await writeFile(file, JSON.stringify(json));
    const result = await keyturn('', 'replay', '--history', file, '--json');
    expect([result.code, result.stderr]).toEqual([1, '']);
    expect(JSON.parse(result.stdout)).toMatchObject({
      ok: false,
      replayed: 1,
      different: [
        {
          request: request.id,
          event: { id: position + 1, type },
          difference: expect.stringContaining('Nondeterminism error'),
        },
      ],
    });
  });

  it('is not verified any more when somebody edits its log', async () => {
    await stack.keyturnDb.query('alter table audit.entry disable trigger all');
    await stack.keyturnDb.query(
      `update audit.entry set leaf = replace(leaf, '"verdict":"approve"', '"verdict":"deny"') where request = $1`,
      [request.id],
    );
    const result = await keyturn(olga, 'verify', request.id, '--json');
    const report = JSON.parse(result.stdout) as { checks: { name: string; ok: boolean }[] };
    const failed = report.checks.filter((check) => !check.ok).map((check) => check.name);
    expect(result.code).toBe(1);
    expect(failed).toEqual(expect.arrayContaining(['chain_unbroken', 'decisions_signed', 'tally_replays']));
  });
});

describe('the streams of what governs everybody', () => {
  it.each([
    ['policy', 0],
    ['proposals', 0],
    ['switches', 0],
    ['directory', 3],
    ['decisions', 2],
  ])('are verified by name: %s ends with %i', async (stream, code) => {
    expect((await keyturn(olga, 'verify', '--stream', stream)).code).toBe(code);
  });

  it('are shown as broken when policy was changed without an entry', async () => {
    await stack.keyturnDb.query('update keyturn.policy_active set generation = generation + 1');
    const result = await keyturn(olga, 'verify', '--stream', 'policy', '--json');
    await stack.keyturnDb.query('update keyturn.policy_active set generation = generation - 1');
    expect([result.code, JSON.parse(result.stdout)]).toEqual([
      1,
      expect.objectContaining({ ok: false, outcome: 'failed' }),
    ]);
  });
});

describe('other ends', () => {
  it('a withdrawal ends it, nothing runs, and the evidence holds', async () => {
    const request = await ask(2);
    const result = await keyturn(agent, 'withdraw', request.id);
    expect([result.code, result.stdout]).toEqual([0, expect.stringContaining('is now cancelled')]);
    const before = await countryOf(2);
    expect((await keyturn(olga, 'verify', request.id)).code).toBe(0);
    expect(await countryOf(2)).toBe(before);
  });

  it('a deferral hides it from the inbox of that reviewer only', async () => {
    const request = await ask(3);
    const until = new Date(Date.now() + 7_200_000).toISOString();
    await stack.decide(olga, request.id, { verdict: 'defer', defer: { until } });
    expect((await keyturn(olga, 'inbox')).stdout).not.toContain(request.id);
    const dmitri = await stack.issuer.humanToken('dmitri');
    expect((await keyturn(dmitri, 'inbox')).stdout).toContain(request.id);
    expect((await keyturn(olga, 'verify', request.id)).code).toBe(0);
  });

  it('a drifted target asks again, and the evidence of both rounds holds', async () => {
    const request = await ask(5);
    await stack.target.query(`update customer set country = 'NO' where id = 5`);
    await stack.decide(olga, request.id, { reason: 'fine' });
    const digestNow = async (): Promise<RequestView | undefined> => {
      const view: RequestView = JSON.parse(
        (await keyturn(olga, 'show', request.id, '--json')).stdout,
      ).request;
      return view.status === 'pending' && view.round === 2 ? view : undefined;
    };
    const again = await waitFor({ what: 'a second round', check: digestNow });
    expect(again.decision_digest).not.toBe(request.decision_digest);
    expect(await countryOf(5)).toBe('NO');
    await stack.decide(olga, request.id, { reason: 'fine' });
    await stack.waitForStatus(request.id, 'succeeded');
    const verified = await keyturn(olga, 'verify', request.id);
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('All checks hold.')]);
  });

  it('an approval that went stale asks again, and the evidence holds', async () => {
    const request = await ask(6, 'shop-stale');
    const dmitri = await stack.issuer.humanToken('dmitri');
    await stack.decide(olga, request.id, { reason: 'fine' });
    const isOld = async (): Promise<true | undefined> => {
      const found = await stack.keyturnDb.query(
        `select 1 from keyturn.decision where request = $1 and at < now() - interval '3.1 s'`,
        [request.id],
      );
      return found.rowCount === 1 ? true : undefined;
    };
    await waitFor({ what: 'the first approval to go stale', check: isOld });
    await stack.decide(dmitri, request.id, { reason: 'fine' });
    const pending = await keyturn(olga, 'show', request.id, '--json');
    expect(JSON.parse(pending.stdout).request.status).toBe('pending');
    await stack.decide(olga, request.id, { reason: 'fine' });
    await stack.waitForStatus(request.id, ['succeeded', 'pending']);
    const verified = await keyturn(olga, 'verify', request.id);
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('All checks hold.')]);
  });

  it('silence expires, and the evidence holds', async () => {
    const request = await ask(7, 'shop-expiring');
    await stack.waitForStatus(request.id, 'expired');
    const verified = await keyturn(olga, 'verify', request.id);
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('All checks hold.')]);
    expect(await countryOf(7)).not.toBe('SE');
  });
});
