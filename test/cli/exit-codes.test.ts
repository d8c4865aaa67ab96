import { spawn } from 'node:child_process';

import { afterEach, describe, expect, it } from 'vitest';

import { EXIT_CODES } from '../../apps/cli/exit.ts';
import type { RequestStatus } from '../../domain/request/status.ts';
import type { RequestView } from '../../contract/requests.ts';
import { startServer, type AnsweringServer } from '../sdk/server.ts';
import { requestView } from '../sdk/view.ts';
import { untoned } from '../../apps/cli/text/tone.ts';
import { keyturn, type CommandResult } from './terminal.ts';

let server: AnsweringServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

/** Runs a command against a server that always answers with the request. */
async function run(view: RequestView, args: readonly string[], columns?: number): Promise<CommandResult> {
  server = await startServer(({ path }) => ({
    status: 200,
    body: path.endsWith('/timeline') ? { items: [] } : view,
  }));
  const options = columns === undefined ? {} : { columns, hasColors: true };
  return keyturn([...args, '--api', server.url], options);
}

const REQUEST = ['request', 'postgres.execute', 'shop', '-a', 'statement=select 1'];

const ENDS: readonly [RequestStatus, number][] = [
  ['succeeded', 0],
  ['denied', 1],
  ['failed', 1],
  ['cancelled', 1],
  ['expired', 4],
  ['indeterminate', 5],
];

describe('how a command ends', () => {
  it.each(ENDS)('of a request that is %s: with %i', async (status, code) => {
    const view = requestView({ status });
    expect((await run(view, REQUEST)).code).toBe(code);
    await server?.stop();
    expect((await run(view, [...REQUEST, '--until', 'finished'])).code).toBe(code);
    await server?.stop();
    expect((await run(view, ['watch', view.id])).code).toBe(code);
  });

  it.each([
    [[...REQUEST], 0],
    [[...REQUEST, '--until', 'decided', '--timeout', '0s'], 6],
    [['watch', requestView().id, '--timeout', '0s'], 6],
    [[...REQUEST, '--timeout', 'soon'], 2],
  ])('of a request that stays pending: %j with %i', async (args, code) => {
    expect((await run(requestView(), args)).code).toBe(code);
  });

  it('writes one JSON value, also when the time is up', async () => {
    const { code, out, error } = await run(requestView(), [
      ...REQUEST,
      '--until',
      'decided',
      '--timeout',
      '0s',
      '--json',
    ]);
    expect([code, JSON.parse(out).status, error]).toEqual([6, 'pending', '']);
  });

  it.each([
    [['request'], ['0', '1', '2', '4', '5', '6']],
    [['verify'], ['0', '1', '2', '3']],
    [['show'], ['0', '1', '2']],
    [['policy', 'diff'], ['0', '1', '2'], ', or found what --fail-on names'],
  ])('is named by the help of %j', async (command, codes, found = '') => {
    const { out } = await keyturn([...command, '--help']);
    const [, table = ''] = out.split('Exit codes:\n');
    expect(table.trimEnd().split('\n')).toEqual(
      codes.map(
        (code) =>
          `  ${code}  ${EXIT_CODES[Number(code) as keyof typeof EXIT_CODES]}${code === '2' ? found : ''}`,
      ),
    );
  });
});

describe('a decision', () => {
  it('on a request that has ended is refused before anything is shown', async () => {
    const view = requestView({ status: 'expired' });
    const result = await run(view, ['deny', view.id]);
    expect([result.code, result.out]).toEqual([1, '']);
    expect(result.error).toContain('There is nothing to decide: the status of the request is expired.');
    expect(server?.received.filter(({ method }) => method === 'POST')).toEqual([]);
  });
});

describe('a help', () => {
  it.each(['approve', 'deny', 'take-back', 'show', 'verify', 'policy publish'])(
    '%s has an example',
    async (command) => {
      const { out } = await keyturn([...command.split(' '), '--help']);
      expect(out).toMatch(new RegExp(`Examples?:\n  keyturn ${command} `));
      expect(out).not.toContain('--fail-on');
    },
  );
});

const PROGRAM = new URL('../../apps/cli/main.ts', import.meta.url).pathname;

/** What the program itself writes into a pipe. */
async function piped(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const { NO_COLOR: _no, FORCE_COLOR: _force, ...env } = process.env;
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...env, KEYTURN_TOKEN: 'token-1', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  await new Promise((resolve) => child.on('close', resolve));
  return out;
}

describe('colours', () => {
  it('are for terminals that show them, and never in --json', async () => {
    const coloured = await run(requestView(), ['show', requestView().id], 80);
    expect(coloured.out).toContain('\u001b[33mpending\u001b[39m');
    await server?.stop();
    expect((await run(requestView(), ['show', requestView().id, '--json'], 80)).out).not.toContain('\u001b');
  });

  it.each([
    [{}, false],
    [{ FORCE_COLOR: '1' }, true],
    [{ NO_COLOR: '1' }, false],
  ])('in a pipe with %j: %j', async (environment, hasColours) => {
    server = await startServer(({ path }) => ({
      status: 200,
      body: path.endsWith('/timeline') ? { items: [] } : requestView(),
    }));
    const out = await piped(['show', requestView().id, '--api', server.url], environment);
    expect(out).toContain('pending');
    expect(out.includes('\u001b')).toBe(hasColours);
  });

  it('come from nothing that others wrote', async () => {
    const hostile = '\u001b[32mapproved\u001b[0m';
    const view = requestView({
      target: hostile,
      risk_reasons: [hostile],
      claims: { justification: hostile },
      matched_rules: [{ id: 'prod-sql', because: hostile }],
    });
    const { out } = await run(view, ['show', view.id], 60);
    expect(out).not.toContain('\u001b[32mapproved');
    expect(out.match(/<U\+001B>\[32mapproved/g)?.length).toBeGreaterThan(2);
  });

  it('nor does anything else that a terminal obeys, in fields that Keyturn makes as well: another server may answer', async () => {
    const hostile = '\u001b[2J\u009b2J\u202e';
    const view = requestView({
      intent_digest: hostile,
      round: hostile as never,
      updated_at: '2026-01-05T10:00:00.000Z',
    });
    const { out } = await run(view, ['show', view.id], 60);
    for (const obeyed of ['\u001b', '\u009b', '\u202e']) expect(untoned(out)).not.toContain(obeyed);
  });

  it('in --json it is escaped, and says the same', async () => {
    const view = requestView({ claims: { justification: 'a\u009b2J\u202e\u{e0041}b' } });
    const { out } = await run(view, ['show', view.id, '--json'], 60);
    expect(out).toContain('a\\u009b2J\\u202e\\udb40\\udc41b');
    expect(JSON.parse(out)).toMatchObject({ request: { claims: view.claims } });
  });
});

describe('the command line', () => {
  it.each([
    [['show'], ["missing required argument 'id'", 'keyturn show [options] <id>', 'keyturn show']],
    [
      ['policy', 'explain'],
      [
        "missing required argument 'request'",
        'keyturn policy explain [options] <request>',
        'keyturn policy explain',
      ],
    ],
    [['lits'], ["unknown command 'lits'\n(Did you mean list?)", 'keyturn [options] [command]', 'keyturn']],
  ])('shows how a command is used that is used wrongly: %j', async (args, [wrong, usage, command]) => {
    const { error } = await keyturn(args);
    expect(error).toBe(`keyturn: ${wrong}\nUsage: ${usage}\nMore: ${command} --help\n`);
  });

  it('says its version', async () => {
    expect((await keyturn(['version'])).out).toBe((await keyturn(['--version'])).out);
  });
});
