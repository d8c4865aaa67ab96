import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { askSource } from '../../apps/worker/on-call/ask.ts';
import { readOnCallSources, type OnCallSource } from '../../apps/worker/on-call/sources.ts';
import { PAGER_TOKEN, startPager, type PagerAnswer, type TestPager } from '../stack/pager.ts';

const ISSUER = 'https://shop.pagerduty.example';

let pager: TestPager;
let folder: string;
let tokenFile: string;

beforeAll(async () => {
  pager = await startPager();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-oncall-'));
  tokenFile = path.join(folder, 'token');
  fs.writeFileSync(tokenFile, `${PAGER_TOKEN}\n`);
});
afterEach(() => {
  pager.answerWith(null);
});
afterAll(async () => {
  await pager.stop();
  fs.rmSync(folder, { recursive: true });
});

const pagerduty = (change: object = {}): OnCallSource => ({
  name: 'pager',
  kind: 'pagerduty',
  issuer: ISSUER,
  url: pager.url,
  token: `file:${tokenFile}`,
  ...change,
});

const plain = (change: object = {}): OnCallSource => ({
  name: 'own',
  kind: 'http',
  issuer: ISSUER,
  url: `${pager.url}/rotations/{schedule}?v=1`,
  ...change,
});

function ask(source: OnCallSource, schedule = 'PI7DH85', withinMs = 10_000) {
  return askSource(source, schedule, AbortSignal.timeout(withinMs));
}

async function faultOf(source: OnCallSource, withinMs?: number): Promise<string> {
  return ask(source, undefined, withinMs).then(
    (answer) => JSON.stringify(answer),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

const json =
  (body: unknown): PagerAnswer =>
  (_call, response) =>
    response.writeHead(200).end(JSON.stringify(body));

describe('a service that speaks as PagerDuty does', () => {
  it('is asked for who is on call now, page by page, and for whom the schedule holds and will hold', async () => {
    const many = ['A', 'B', 'C', 'D', 'E', 'F', 'G'];
    pager.set('PI7DH85', { layers: ['A', 'L'], onCall: many, overrides: ['O'] });
    const { members, on_duty: onCall, ...rest } = await ask(pagerduty());
    expect(rest).toEqual({ source: 'pager', schedule: 'PI7DH85', issuer: ISSUER });
    expect(onCall).toEqual(many);
    expect(members).toEqual([...many, 'L', 'O']);
    const calls = pager.calls.filter((call) => call.path === '/oncalls');
    expect(calls.map((call) => call.query.get('offset'))).toEqual(['0', '3', '6']);
    expect(calls.every((call) => call.query.getAll('schedule_ids[]').join() === 'PI7DH85')).toBe(true);
    expect(pager.calls.every((call) => call.accept === 'application/vnd.pagerduty+json;version=2')).toBe(
      true,
    );
    const ahead = pager.calls.find((call) => call.path === '/schedules/PI7DH85/users');
    const [since, until] = ['since', 'until'].map((name) => Date.parse(ahead?.query.get(name) ?? ''));
    expect((until ?? 0) - (since ?? 0)).toBe(30 * 86_400_000);
  });

  it('puts nobody on call by an entry of another schedule, or of none', async () => {
    const reference = { id: 'PI7DH85' };
    pager.answerWith((call, response) => {
      const body = call.path.startsWith('/oncalls')
        ? {
            oncalls: [
              { user: { id: 'A' }, schedule: reference },
              { user: { id: 'B' }, schedule: { id: 'PXOTHER' } },
              { user: { id: 'C' }, schedule: null },
              { user: { id: 'D', deleted_at: '2026-01-01T00:00:00Z' }, schedule: reference },
            ],
            more: false,
          }
        : { users: [], schedule: { ...reference, users: [{ id: 'A' }] } };
      response.writeHead(200).end(JSON.stringify(body));
    });
    expect(await ask(pagerduty())).toMatchObject({ members: ['A'], on_duty: ['A'] });
  });

  it.each<[string, PagerAnswer, RegExp]>([
    ['an error', (_call, response) => response.writeHead(503).end(), /^it answered 503$/],
    [
      'a redirection, which would take the token elsewhere',
      (_call, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /^it answered 302$/,
    ],
    ['something else than JSON', (_call, response) => response.writeHead(200).end('<html>'), /not JSON/],
    ['another form', json({ oncalls: {} }), /another form/],
    ['a null', json(null), /another form/],
    [
      'another schedule',
      json({ oncalls: [], users: [], schedule: { id: 'PXOTHER', users: [] } }),
      /another schedule/,
    ],
    [
      'pages without end',
      json({ oncalls: [], more: true, users: [], schedule: { id: 'PI7DH85', users: [] } }),
      /too many pages/,
    ],
    [
      'more than a megabyte',
      (_call, response) => response.writeHead(200).end(`"${'x'.repeat(2 * 1024 * 1024)}"`),
      /too long/,
    ],
    [
      'half an answer',
      (_call, response) => void response.writeHead(200).write('{"oncalls":', () => response.destroy()),
      /could not be reached/,
    ],
  ])('says nothing by %s', async (_what, answer, fault) => {
    pager.answerWith(answer);
    expect(await faultOf(pagerduty())).toMatch(fault);
  });

  it('says nothing by being silent, and is not waited for without end', async () => {
    pager.answerWith(() => undefined);
    expect(await faultOf(pagerduty(), 200)).toBe('it did not answer in time');
  });

  it('says nothing when it cannot be reached, or does not take the token; no message holds the token', async () => {
    expect(await faultOf(pagerduty({ url: 'http://127.0.0.1:1' }))).toBe('it could not be reached');
    const wrong = path.join(folder, 'wrong');
    fs.writeFileSync(wrong, 'another-token');
    expect(await faultOf(pagerduty({ token: `file:${wrong}` }))).toBe('it answered 401');
    expect(await faultOf(pagerduty({ token: 'env:KEYTURN_NOT_SET' }))).toMatch(
      /env:KEYTURN_NOT_SET has no value/,
    );
  });

  it('gives all or nothing: members without on-calls are no answer', async () => {
    pager.answerWith((call, response) => {
      const isLate = call.path.startsWith('/oncalls');
      response
        .writeHead(isLate ? 500 : 200)
        .end(JSON.stringify({ users: [], schedule: { id: 'PI7DH85', users: [] } }));
    });
    expect(await faultOf(pagerduty())).toBe('it answered 500');
  });
});

describe('a service that speaks Keyturn’s own form', () => {
  it('is asked once for both, with the schedule where the address says', async () => {
    pager.answerWith(json({ members: ['b', 'a', 'a'], on_duty: ['a'], note: 'more is ignored' }));
    const before = pager.calls.length;
    expect(await ask(plain({ token: `file:${tokenFile}` }), 'team.dba_1')).toMatchObject({
      source: 'own',
      members: ['a', 'b'],
      on_duty: ['a'],
    });
    const [call] = pager.calls.slice(before);
    expect(call).toMatchObject({
      path: '/rotations/team.dba_1',
      authorization: `Bearer ${PAGER_TOKEN}`,
      accept: 'application/json',
    });
    expect(call?.query.get('v')).toBe('1');
    await ask(plain());
    expect(pager.calls.at(-1)?.authorization).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['without members', { on_duty: ['a'] }],
    ['without who is on call', { members: ['a'] }],
    ['with one person in place of a list', { members: ['a'], on_duty: 'a' }],
    ['with people who are no ids', { members: [{ id: 'a' }], on_duty: [] }],
    ['with an empty id', { members: [''], on_duty: [] }],
  ])('says nothing %s', async (_what, body) => {
    pager.answerWith(json(body));
    expect(await faultOf(plain())).toMatch(/another form/);
  });
});

describe('the file of sources', () => {
  const write = (content: unknown): string => {
    const file = path.join(folder, 'oncall.yaml');
    fs.writeFileSync(file, stringify(content));
    return file;
  };
  const entry = { name: 'pager', kind: 'pagerduty', issuer: ISSUER, token: 'env:PAGER_TOKEN' };

  it('says where each source is; PagerDuty is where it always is, and a minute is the pace', async () => {
    const sources = await readOnCallSources(write({ sources: [entry] }));
    expect(sources?.everySeconds).toBe(60);
    expect(sources?.byName.get('pager')?.url).toBe('https://api.pagerduty.com');
    expect(await readOnCallSources(undefined)).toBeNull();
  });

  it.each<[string, object, RegExp]>([
    ['a token written out', { token: 'y_NbAkKc66ryYTWUXYEu' }, /must be a reference/],
    ['no token for PagerDuty', { token: undefined }, /token/],
    ['clear text beyond loopback', { url: 'http://pager.example' }, /needs https/],
    ['no place for the schedule', { kind: 'http', url: 'https://pager.example/x' }, /must say where/],
    ['another kind', { kind: 'opsgenie' }, /kind/],
    ['an unknown key', { e_mail: true }, /an unknown key/],
  ])('is refused with %s', async (_what, change, problem) => {
    const reading = readOnCallSources(write({ sources: [{ ...entry, ...change }] }));
    await expect(reading).rejects.toThrow(problem);
    await expect(reading).rejects.not.toThrow(/y_NbAkKc66ryYTWUXYEu/);
  });

  it('is refused with a source twice, none at all, or polls too far apart', async () => {
    await expect(readOnCallSources(write({ sources: [entry, entry] }))).rejects.toThrow(
      /names a source twice/,
    );
    await expect(readOnCallSources(write({ sources: [] }))).rejects.toThrow(/sources/);
    await expect(readOnCallSources(write({ every_seconds: 61, sources: [entry] }))).rejects.toThrow(
      /every_seconds/,
    );
    const clear = { ...entry, url: 'http://pager.example', allow_insecure_http: true };
    expect((await readOnCallSources(write({ sources: [clear] })))?.byName.size).toBe(1);
  });
});

it('a service that sends the token on is never followed', async () => {
  const taken: (string | undefined)[] = [];
  const thief = http.createServer((request, response) => {
    taken.push(request.headers.authorization);
    response.end('{}');
  });
  await new Promise<void>((resolve) => {
    thief.listen(0, '127.0.0.1', resolve);
  });
  const { port } = thief.address() as { port: number };
  pager.answerWith((_call, response) =>
    response.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end(),
  );
  expect(await faultOf(pagerduty())).toBe('it answered 307');
  expect(taken).toEqual([]);
  await new Promise((resolve) => {
    thief.close(resolve);
  });
});
