import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { readSession, writeSession } from '../../apps/cli/session.ts';
import { startServer, type AnsweringServer, type Received, type Reply } from '../sdk/server.ts';
import { requestView } from '../sdk/view.ts';
import { keyturn } from './terminal.ts';

let server: AnsweringServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function api(answer: (call: Received) => Reply): Promise<string> {
  server = await startServer(answer);
  return server.url;
}

const ACTIONS = {
  items: [
    {
      action: 'postgres.execute',
      title: 'An SQL statement',
      schema_version: 1,
      arguments: {
        type: 'object',
        required: ['statement'],
        properties: {
          statement: {
            type: 'string',
            minLength: 1,
            maxLength: 9000,
            description: 'the statement\u001b[31m',
          },
          rows: { type: 'integer', minimum: 1, default: 10 },
          tags: { type: 'array', items: { enum: ['a', 'b'] } },
        },
      },
      targets: [{ id: 'shop', title: 'The shop', environment: 'production' }],
    },
  ],
};

describe('list', () => {
  const page = { items: [requestView({ status: 'denied', denied_by: 'policy' })], next_cursor: 'abc' };

  it('shows a page of requests by the filters that are given, and how to go on', async () => {
    const url = await api(() => ({ status: 200, body: page }));
    const args = ['list', '--status', 'denied', '--target', 'shop', '--mine', '--limit', '5', '--api', url];
    const { code, out, error } = await keyturn(args);
    expect([code, out]).toEqual([0, expect.stringMatching(/denied by policy/)]);
    expect(error).toBe('There may be more: add --cursor abc\n');
    const query = new URL(server?.received[0]?.path ?? '', url).searchParams;
    expect(Object.fromEntries(query)).toEqual({ status: 'denied', target: 'shop', mine: 'true', limit: '5' });
  });

  it('gives the page that is asked for as JSON', async () => {
    const url = await api(() => ({ status: 200, body: page }));
    const { out } = await keyturn(['list', '--json', '--limit', '1', '--api', url]);
    expect(JSON.parse(out)).toEqual(page);
  });

  it.each(['list', 'inbox'])('gives a program all pages, and a person the first: %s', async (command) => {
    const url = await api(({ path }) => ({
      status: 200,
      body: { items: [requestView()], next_cursor: path.includes('cursor=abc') ? null : 'abc' },
    }));
    const piped = await keyturn([command, '--api', url]);
    expect([piped.out.trimEnd().split('\n').length, piped.error]).toEqual([3, '']);
    const { out } = await keyturn([command, '--json', '--api', url], { columns: 200 });
    expect(JSON.parse(out)).toEqual({ items: [requestView(), requestView()], next_cursor: null });
    const shown = await keyturn([command, '--api', url], { columns: 200 });
    expect([shown.out.trimEnd().split('\n').length, shown.error]).toEqual([
      2,
      'There may be more: add --cursor abc\n',
    ]);
  });

  it.each([
    ['--environment', 'labb', "There is no environment 'labb', did you mean 'lab'?"],
    ['--environment', 'moon', "There is no environment 'moon'. There are: 'lab'"],
    ['--target', 'shopp', "There is no target 'shopp', did you mean 'shop'?"],
    [
      '--action',
      'postgres.exceute',
      "There is no action 'postgres.exceute', did you mean 'postgres.execute'?",
    ],
  ])('says that a filter names nothing that there is: %s %s', async (option, name, said) => {
    const target = { id: 'shop', title: 'x', environment: 'lab', resource_type: 'x', actions: ['a.b'] };
    const url = await api(({ path }) => {
      const { pathname, search } = new URL(path, 'http://api');
      if (pathname === '/v1/actions') return { status: 200, body: ACTIONS };
      const isAll = pathname === '/v1/targets' && search === '';
      return { status: 200, body: { items: isAll ? [target] : [], next_cursor: null } };
    });
    const list = await keyturn(['list', option, name, '--api', url]);
    expect([list.code, list.out, list.error]).toEqual([0, '', `${said}\nNo requests found.\n`]);
    if (option === '--target') return;
    const targets = await keyturn(['targets', option, name, '--json', '--api', url]);
    expect([targets.out, targets.error]).toEqual(['{"items":[]}\n', `${said}\n`]);
  });

  it('names the option that has no such value, before it calls anything', async () => {
    const url = await api(() => ({ status: 200, body: page }));
    const { code, error } = await keyturn(['list', '--limit', '500', '--api', url]);
    expect([code, error]).toEqual([2, expect.stringMatching(/--limit[\s\S]*1 to 100[\s\S]*list --help/)]);
    expect(server?.received).toEqual([]);
  });

  it('asks whether another status was meant, and calls nothing', async () => {
    const url = await api(() => ({ status: 200, body: page }));
    const { code, error } = await keyturn(['list', '--status', 'pendign', '--api', url]);
    expect([code, error, server?.received]).toEqual([
      2,
      expect.stringContaining("Did you mean 'pending'?"),
      [],
    ]);
  });
});

describe('targets', () => {
  it('shows all pages as one table', async () => {
    const item = (id: string): object => ({
      id,
      title: `The ${id}`,
      environment: 'lab',
      resource_type: 'x',
      actions: ['a.b'],
      owners: ['group:o'],
    });
    const url = await api(({ path }) => ({
      status: 200,
      body: path.includes('cursor=next')
        ? { items: [item('two')], next_cursor: null }
        : { items: [item('one')], next_cursor: 'next' },
    }));
    const { out } = await keyturn(['targets', '--api', url]);
    expect(out).toMatch(/TARGET +ENVIRONMENT[\s\S]*one +lab[\s\S]*two +lab +The two +group:o +a\.b/);
    expect(JSON.parse((await keyturn(['targets', '--json', '--api', url])).out)).toMatchObject({
      items: [{ id: 'one' }, { id: 'two' }],
    });
  });
});

describe('actions', () => {
  it('lists what can be asked for', async () => {
    const url = await api(() => ({ status: 200, body: ACTIONS }));
    expect((await keyturn(['actions', '--api', url])).out).toMatch(
      /postgres\.execute +An SQL statement +shop/,
    );
  });

  it('says the arguments of one in words, and hides nothing that a terminal would obey', async () => {
    const url = await api(() => ({ status: 200, body: ACTIONS }));
    const { out } = await keyturn(['actions', 'postgres.execute', '--api', url]);
    expect(out).toMatch(
      /statement +text, at least 1 character, at most 9000 characters, required: the statement<U\+001B>/,
    );
    expect(out).toMatch(/rows +whole number, at least 1, 10 if left out, optional/);
    expect(out).toMatch(/tags +list of one of "a", "b", optional/);
  });

  it('asks whether another one was meant', async () => {
    const url = await api(() => ({ status: 200, body: ACTIONS }));
    const { code, error } = await keyturn(['actions', 'postgres.exceute', '--api', url]);
    expect([code, error]).toEqual([1, expect.stringContaining("did you mean 'postgres.execute'?")]);
  });
});

describe('whoami', () => {
  const ME = {
    kind: 'person',
    identity: { issuer: 'https://id.example', subject: 'olga' },
    id: 'olga',
    name: 'Olga',
    is_active: true,
    owner: null,
    accounts: [{ issuer: 'https://id.example', subject: 'olga' }],
    groups: ['dba'],
    is_operator: true,
    may_decide: false,
    why_not: { code: 'machine_cannot_decide', detail: 'Only a person decides.' },
    behind: [],
    client: 'keyturn-cli',
    scopes: ['openid'],
    expires_at: '2026-01-05T11:00:00.000Z',
    server_time: '2026-01-05T10:00:00.000Z',
    version: '0.1.0',
  };

  it('says who, which groups, and why nothing can be decided', async () => {
    const url = await api(() => ({ status: 200, body: ME }));
    const { code, out } = await keyturn(['whoami', '--api', url]);
    expect([code, out]).toEqual([0, expect.stringContaining('"Olga" (olga), a person')]);
    expect(out).toMatch(/groups +dba/);
    expect(out).toMatch(/may decide +no: Only a person decides\. \(machine_cannot_decide\)/);
    expect(JSON.parse((await keyturn(['whoami', '--json', '--api', url])).out)).toEqual(ME);
  });

  it('says of an account that nobody knows which one it is', async () => {
    const unknown = { ...ME, kind: 'unknown', id: null, name: null, groups: [], accounts: [] };
    const url = await api(() => ({ status: 200, body: unknown }));
    const { out } = await keyturn(['whoami', '--api', url]);
    expect(out).toContain('knows neither a person nor an agent');
    expect(out).toMatch(/account +"olga" at "https:\/\/id\.example"/);
  });
});

describe('logout', () => {
  async function signedIn(issuer: string): Promise<Record<string, string>> {
    const environment = { XDG_CONFIG_HOME: await mkdtemp(join(tmpdir(), 'keyturn-logout-')) };
    await writeSession(environment, {
      issuer,
      api: 'https://keyturn.example',
      access_token: 'access-1',
      refresh_token: 'refresh-1',
      expires_at: new Date(Date.now() + 60_000).toISOString(),
    });
    return environment;
  }

  it('takes the tokens back at the issuer, and forgets the sign-in', async () => {
    const url: string = await api(({ path }) =>
      path.includes('.well-known')
        ? { status: 200, body: { issuer: server?.url, revocation_endpoint: `${server?.url ?? ''}/revoke` } }
        : { status: 200, body: {} },
    );
    const environment = await signedIn(url);
    const { code, out } = await keyturn(['logout'], { environment });
    expect([code, out]).toEqual([0, expect.stringContaining('here and at')]);
    const revoked = server?.received.filter(({ path }) => path === '/revoke').map(({ body }) => body) ?? [];
    expect(revoked.map((body) => new URLSearchParams(body).get('token'))).toEqual(['refresh-1', 'access-1']);
    expect(await readSession(environment)).toBeNull();
  });

  it('forgets the sign-in also where the issuer cannot be notified, and says so', async () => {
    const environment = await signedIn('http://127.0.0.1:1');
    const { code, out } = await keyturn(['logout'], { environment });
    expect([code, out]).toEqual([0, expect.stringContaining('did not revoke the tokens')]);
    expect(await readSession(environment)).toBeNull();
    expect((await keyturn(['logout'], { environment })).code).toBe(1);
  });
});

describe('completion', () => {
  async function complete(...words: string[]): Promise<string[]> {
    return (await keyturn(['complete', '--', ...words])).out.split('\n').filter(Boolean);
  }

  it('gives a script for each shell, which calls back', async () => {
    for (const shell of ['bash', 'zsh', 'fish'])
      expect((await keyturn(['completion', shell])).out).toContain('keyturn complete -- ');
    expect((await keyturn(['completion', 'powershell'])).code).toBe(2);
  });

  it('completes commands, commands of a group, options, and values of options', async () => {
    expect(await complete('wh')).toEqual(['whoami']);
    expect(await complete('policy', 'che')).toEqual(['check']);
    expect(await complete('list', '--st')).toEqual(['--status']);
    expect(await complete('list', '--status', 'pe')).toEqual(['pending']);
    expect(await complete('list', '--target', '')).toEqual([]);
    expect(await complete('completion', 'z')).toEqual(['zsh']);
    expect(await complete('')).not.toContain('complete');
  });
});

describe('the program', () => {
  it('says its version', async () => {
    expect(await keyturn(['--version'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  it('asks whether another command was meant', async () => {
    const { code, error } = await keyturn(['inbxo']);
    expect([code, error]).toEqual([2, expect.stringContaining('Did you mean inbox?')]);
  });

  it.each(['list', 'targets', 'actions', 'whoami', 'logout', 'completion'])(
    'says in the help of %s how it is used and by which codes it ends',
    async (command) => {
      const { out } = await keyturn([command, '--help']);
      expect(out).toMatch(/Examples?:\n {2}\S[\s\S]*Exit codes:\n {2}0 /);
    },
  );
});

describe('a word that an option does not take', () => {
  it.each([
    [['request', 'a', 'b', '--mode', 'gaet'], 'gate'],
    [['evaluate', 'a', 'b', '--mode', 'execut'], 'execute'],
    [['completion', 'bsh'], 'bash'],
  ])('is answered with what was meant: %j', async (args, meant) => {
    const { code, error } = await keyturn(args);
    expect([code, error]).toEqual([2, expect.stringContaining(`Did you mean '${meant}'?`)]);
  });
});
