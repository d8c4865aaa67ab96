import { afterEach, describe, expect, it } from 'vitest';

import type { SwitchView } from '../../contract/switches.ts';
import { problem, startServer, type AnsweringServer, type Received, type Reply } from '../sdk/server.ts';
import { keyturn } from './terminal.ts';

const ENGAGED: SwitchView = {
  id: 'swi_1',
  scope: { kind: 'target', value: 'shop' },
  since: '2026-01-05T10:00:00.000Z',
  reason: 'it is on fire',
  thrown_by: 'petra',
  agreed_to_lift: [{ person: 'omar', name: 'Omar Haddad', at: '2026-01-05T11:00:00.000Z' }],
};

let server: AnsweringServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function api(answer: Reply): Promise<string> {
  server = await startServer((_call: Received) => answer);
  return server.url;
}

function sent(): unknown[] {
  return (server?.received ?? []).map(({ method, path, body }) => [method, path, JSON.parse(body)]);
}

describe('switch list', () => {
  it('shows what is stopped, since when, by whom and why', async () => {
    const result = await keyturn([
      'switch',
      'list',
      '--api',
      await api({ status: 200, body: { items: [ENGAGED] } }),
    ]);
    expect(result.code).toBe(0);
    expect(result.out.split('\n')[1]).toBe(
      'swi_1   target shop  2026-01-05 10:00:00Z  petra  omar            it is on fire',
    );
  });

  it('shows what a terminal would obey, from a name as from a reason', async () => {
    const scope = { kind: 'agent' as const, value: 'https://x \u001B[2Jagent' };
    const items = [{ ...ENGAGED, scope, reason: 'a\u202Eb\nswi_2  all' }];
    const result = await keyturn(['switch', 'list', '--api', await api({ status: 200, body: { items } })]);
    expect(result.out).toContain('https://x <U+001B>[2Jagent');
    expect(result.out).toContain('a<U+202E>b<U+000A>swi_2  all');
    expect(result.out.trimEnd().split('\n')).toHaveLength(2);
  });

  it('says that none is on', async () => {
    const result = await keyturn([
      'switch',
      'list',
      '--api',
      await api({ status: 200, body: { items: [] } }),
    ]);
    expect(result.out).toBe('No kill switch is on.\n');
  });

  it('writes nothing but JSON with --json', async () => {
    const url = await api({ status: 200, body: { items: [ENGAGED] } });
    const result = await keyturn(['switch', 'list', '--json', '--api', url]);
    expect(JSON.parse(result.out)).toEqual({ items: [ENGAGED] });
  });
});

describe('switch throw', () => {
  it.each([
    [['--target', 'shop'], { kind: 'target', value: 'shop' }],
    [['--agent', 'agent-billing'], { kind: 'agent', value: 'agent-billing' }],
    [['--action', 'postgres.execute'], { kind: 'action', value: 'postgres.execute' }],
    [['--all'], { kind: 'all', value: null }],
  ])('with %j stops that, without asking', async (args, scope) => {
    const url = await api({ status: 201, body: { ...ENGAGED, scope } });
    const result = await keyturn(['switch', 'throw', ...args, '--reason', 'fire', '--api', url]);
    expect([result.code, result.prompts]).toEqual([0, []]);
    expect(sent()).toEqual([['POST', '/v1/switches', { scope, reason: 'fire' }]]);
    expect(result.out).toContain('Switch swi_1 is on');
  });

  it.each([[[]], [['--target', 'shop', '--all']], [['--target', 'shop', '--agent', 'x']]])(
    'with %j is misuse, and stops nothing',
    async (args) => {
      const url = await api({ status: 201, body: ENGAGED });
      expect((await keyturn(['switch', 'throw', ...args, '--reason', 'fire', '--api', url])).code).toBe(2);
      expect((await keyturn(['switch', 'throw', '--all', '--api', url])).code).toBe(2);
      expect(sent()).toEqual([]);
    },
  );

  it('tells a refusal with its code, and exits with 1', async () => {
    const url = await api(problem(403, 'machine_cannot_decide'));
    const result = await keyturn(['switch', 'throw', '--all', '--reason', 'x', '--json', '--api', url]);
    expect(result.code).toBe(1);
    expect(JSON.parse(result.out)).toMatchObject({ error: { code: 'machine_cannot_decide' } });
  });
});
