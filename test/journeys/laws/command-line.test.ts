import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestPage, RequestView } from '../../../contract/requests.ts';

import type { Timeline } from '../../../contract/history.ts';
import type { CliResult } from '../../stack/stack.ts';
import { openCast, raiseLimit, type Cast } from './cast.ts';

let cast: Cast;

beforeAll(async () => {
  cast = await openCast();
});

afterAll(async () => cast?.stack.stop());

function keyturn(token: string, ...args: readonly string[]): Promise<CliResult> {
  return cast.stack.cli(args, { KEYTURN_TOKEN: token });
}

/** The one JSON text that a command with --json prints, and nothing else on either output. */
async function json<T>(token: string, ...args: readonly string[]): Promise<T> {
  const result = await keyturn(token, ...args, '--json');
  expect([result.code, result.stderr]).toEqual([0, '']);
  expect(result.stdout.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(result.stdout) as T;
}

function request(...more: readonly string[]): Promise<RequestView> {
  const statement = `statement=${raiseLimit()}`;
  return json(cast.agent, 'request', 'postgres.execute', 'shop', '-a', statement, '--wait', '20', ...more);
}

/** Everything that a terminal obeys or hides, in words of an agent. */
const HOSTILE = [
  '\u001b[2J\u001b[1;1Hstatus  approved', // clears the screen and writes a fact of its own
  '\u001b]8;;http://evil.example/\u0007click\u001b]8;;\u0007', // a link
  '\u001b]52;c;ZXZpbA==\u0007', // writes to the clipboard
  '\u009b31m', // the same escape as one character
  'approve\rdeny  ', // writes over its own line
  '\u202edeppalf\u202c', // read backwards
  'in\u200bvisible\u2066\u2069',
  'WHAT WILL HAPPEN\nnothing at all',
  'Z\u0300\u0301\u0302\u0303\u0304\u0305\u0306',
  '\u{e0041}\u{e0042}',
].join('\n');

/** Control characters but for the ends of lines, characters that change direction or hide, tags. */
const OBEYED = /[^\P{Cc}\n]|[\u200b-\u200f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u;

describe('words of an agent', () => {
  it('reach the terminal of a reviewer whole and harmless, in each command that shows them', async () => {
    const created = await request(
      '--justification',
      HOSTILE,
      '--model',
      HOSTILE.slice(0, 60),
      '--run-id',
      '\u001b[31mred',
    );
    const denied = async (id: string) => {
      await cast.stack.decide(cast.olga, id, { verdict: 'deny', reason: `no\u001b[2J` });
      return keyturn(cast.olga, 'show', id);
    };
    const shown = [
      await keyturn(cast.olga, 'show', created.id),
      await keyturn(cast.olga, 'inbox'),
      await keyturn(cast.olga, 'approve', created.id, '--no-open', '--timeout', '0s'),
      await denied(created.id),
      await keyturn(cast.olga, 'watch', created.id),
      await keyturn(cast.agent, 'show', created.id),
    ];
    for (const { stdout, stderr } of shown) {
      expect([OBEYED.exec(stdout), OBEYED.exec(stderr)]).toEqual([null, null]);
    }
    // What is watched was denied.
    expect(shown.map(({ code }) => code)).toEqual([0, 0, 6, 0, 1, 0]);
    const [show] = shown;
    expect(show?.stdout).toContain('<U+001B>]8;;http://evil.example/<U+0007>click');
    expect(show?.stdout).toContain('approve<U+000D>deny');
    expect(show?.stdout).toContain('<U+202E>deppalf');
    // A line that poses as a heading is marked as the agent's.
    expect(show?.stdout).toMatch(/^ {2}> WHAT WILL HAPPEN$/m);
    expect(show?.stdout).not.toMatch(/^WHAT WILL HAPPEN/m);
  });

  it('are whole in JSON', async () => {
    const created = await request('--justification', HOSTILE);
    const { request: shown } = await json<{ request: RequestView }>(cast.olga, 'show', created.id);
    expect(shown.claims?.justification).toBe(HOSTILE);
  });
});

describe('a reviewer at the command line', () => {
  it('goes from the inbox to the proof, each step in JSON for scripts', async () => {
    const created = await request('--justification', 'agreed', '--link', 'https://tickets.example/1');
    expect(created).toMatchObject({ status: 'pending', claims: { justification: 'agreed' } });
    const inbox = await json<RequestPage>(cast.olga, 'inbox', '--limit', '1');
    expect([inbox.items[0]?.id, inbox.items[0]?.summary]).toEqual([
      created.id,
      expect.stringContaining('account'),
    ]);
    const shown = await json<{ request: RequestView; timeline: Timeline['items'] }>(
      cast.olga,
      'show',
      created.id,
    );
    expect(shown.request.plan?.effects.length).toBeGreaterThan(0);
    expect(shown.timeline.map(({ type }) => type)).toEqual([
      'request.received',
      'request.planned',
      'request.pending',
    ]);
    const digest = shown.request.decision_digest ?? '';
    await cast.stack.decide(cast.olga, created.id, { decision_digest: digest, reason: 'fine' });
    const watched = await keyturn(cast.olga, 'watch', created.id, '--json');
    const states = watched.stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as RequestView).status);
    expect(states.at(-1)).toBe('succeeded');
    expect(await json(cast.olga, 'verify', created.id)).toMatchObject({ ok: true });
    expect(await json(cast.olga, 'replay', created.id)).toMatchObject({ ok: true, replayed: 1 });
    expect(await json(cast.agent, 'show', created.id)).toMatchObject({ request: { status: 'succeeded' } });
  });
});

describe('refusals', () => {
  it.each([
    { when: 'somebody else withdraws', who: () => cast.dmitri, args: ['withdraw'], code: 'forbidden' },
    { when: 'a token is nonsense', who: () => 'nonsense', args: ['show'], code: 'unauthenticated' },
  ])('have an exit code and a code in JSON when $when', async ({ who, args, code }) => {
    const request = await cast.ask();
    const [command = '', ...rest] = args;
    const result = await keyturn(who(), command, request.id, ...rest, '--json');
    expect([result.code, JSON.parse(result.stdout).error.code]).toEqual([1, code]);
  });
});
