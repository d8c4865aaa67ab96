import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { writeSession } from '../../apps/cli/session.ts';
import { problem, startServer, type AnsweringServer, type Received, type Reply } from '../sdk/server.ts';
import { requestView } from '../sdk/view.ts';
import { leafHash, leafText } from '../../domain/audit/leaf.ts';
import { sha256 } from '../../domain/crypto/digest.ts';
import { entry, evidenceOf, makeKeys, executedStory, REQUEST } from '../domain/audit/verification/story.ts';
import { wholeEvidence } from '../domain/audit/verification/whole.ts';
import { keyturn } from './terminal.ts';

const VIEW = requestView();

let folder: string;
let server: AnsweringServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-cli-'));
});

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function api(answer: (call: Received) => Reply): Promise<string> {
  server = await startServer(answer);
  return server.url;
}

describe('watch', () => {
  it('prints what is new with every version, until it is finished', async () => {
    const item = (n: number): object => ({
      n,
      at: '2026-01-05T10:00:00Z',
      type: 't',
      actor: { kind: 'system' },
      text: `step ${n}`,
      facts: {},
    });
    let version = 0;
    const url = await api((call) => {
      if (call.path.endsWith('/timeline'))
        return { status: 200, body: { items: Array.from({ length: version }, (_, n) => item(n)) } };
      version += 1;
      return {
        status: 200,
        body: requestView({ version, status: version === 2 ? 'succeeded' : 'executing' }),
      };
    });
    const result = await keyturn(['watch', VIEW.id, '--api', url]);
    expect(result.out).toBe('2026-01-05 10:00:00Z  step 0\n2026-01-05 10:00:00Z  step 1\n');
  });
});

/** Two entries of the stream of policies; the second names a request. */
function policyStream(): object {
  const items: string[] = [];
  for (const facts of [{ digest: sha256('a') }, { digest: sha256('b'), request: REQUEST }]) {
    const { draft } = entry('policy.installed', facts);
    const n = items.length;
    const last = items.at(-1);
    items.push(
      leafText(draft, {
        id: `policy/${n}`,
        n,
        prev: last === undefined ? null : leafHash(last),
        request: 'policy',
        run: 'policy',
        namespace: '',
        nonce: 'ab'.repeat(16),
        salts: {},
      }),
    );
  }
  return { items, next_cursor: null, state: null };
}

describe('verify', () => {
  it('passes with the keys of the server, and says that they are', async () => {
    const keys = await makeKeys();
    const evidence = {
      ...wholeEvidence(await executedStory(keys)),
      request: { id: REQUEST },
      keys: keys.published,
    };
    const url = await api(() => ({ status: 200, body: evidence }));
    const result = await keyturn(['verify', REQUEST, '--api', url]);
    expect([result.code, result.out]).toEqual([
      0,
      expect.stringContaining('The keys came from the server itself'),
    ]);
  });

  it('fails with pinned keys that are not those of the server', async () => {
    const keys = await makeKeys();
    const pinned = join(folder, 'keys.json');
    const saved = join(folder, 'evidence.json');
    await writeFile(pinned, JSON.stringify((await makeKeys()).published));
    await writeFile(
      saved,
      JSON.stringify({ ...evidenceOf(await executedStory(keys)), keys: keys.published }),
    );
    const result = await keyturn(['verify', REQUEST, '--evidence', saved, '--keys', pinned, '--json']);
    const report = JSON.parse(result.out) as {
      ok: boolean;
      keys: string;
      checks: { name: string; ok: boolean }[];
    };
    expect([result.code, report.ok, report.keys]).toEqual([1, false, 'pinned']);
    expect(report.checks.find((check) => check.name === 'envelopes_signed')?.ok).toBe(false);
  });

  it('fails for evidence of another request than was asked about', async () => {
    const keys = await makeKeys();
    const url = await api(() => ({
      status: 200,
      body: { leaves: [], payloads: [], envelopes: [], keys: keys.published },
    }));
    const result = await keyturn(['verify', 'req_other', '--api', url]);
    expect([result.code, result.out]).toEqual([1, expect.stringContaining('there are no entries')]);
  });

  it('saves the evidence for later', async () => {
    const keys = await makeKeys();
    const evidence = { ...evidenceOf(await executedStory(keys)), keys: keys.published };
    const url = await api(() => ({ status: 200, body: evidence }));
    const file = join(folder, 'saved.json');
    await keyturn(['verify', REQUEST, '--api', url, '--save', file]);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(evidence);
    // Which request it is about stands in the file.
    const { out } = await keyturn(['verify', '--evidence', file]);
    expect(out).toContain(`Request ${REQUEST}`);
  });

  it('says of each request behind a policy why its evidence cannot be read', async () => {
    const url = await api(({ path }) =>
      path.startsWith('/v1/audit/') ? { status: 200, body: policyStream() } : problem(403, 'forbidden'),
    );
    const result = await keyturn(['verify', '--stream', 'policy', '--api', url]);
    expect(result.out).toMatch(
      new RegExp(`not shown +publications_approved.*${REQUEST}.*forbidden: Because`),
    );
  });

  it.each([
    [401, 'unauthenticated'],
    [429, 'rate_limited'],
    [503, 'unavailable'],
  ])('ends a stream with a refusal that says nothing of the evidence: %s', async (status, code) => {
    const url = await api(({ path }) =>
      path.startsWith('/v1/audit/')
        ? { status: 200, body: policyStream() }
        : problem(status, code, { 'retry-after': '0' }),
    );
    const result = await keyturn(['verify', '--stream', 'policy', '--api', url]);
    expect([result.code, result.error]).toEqual([expect.any(Number), expect.stringContaining(code)]);
    expect(result.out).toBe('');
  });

  it('names evidence that is none', async () => {
    const url = await api(() => ({ status: 200, body: { leaves: 'x' } }));
    expect((await keyturn(['verify', REQUEST, '--api', url])).error).toContain('This is not evidence');
  });
});

describe('who calls', () => {
  const environment = (): Record<string, string> => ({ KEYTURN_TOKEN: '', XDG_CONFIG_HOME: folder });
  const session = (api: string, expiresInMs = 60_000): Parameters<typeof writeSession>[1] => ({
    issuer: 'https://id.example',
    api,
    access_token: 'stored',
    expires_at: new Date(Date.now() + expiresInMs).toISOString(),
  });

  it('uses the stored sign-in, in a file that only its owner can read', async () => {
    const url = await api(() => ({ status: 200, body: { items: [], next_cursor: null } }));
    const file = await writeSession({ XDG_CONFIG_HOME: folder }, session(url));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await keyturn(['inbox', '--api', url], { environment: environment() })).code).toBe(0);
    expect(server?.received[0]?.headers.authorization).toBe('Bearer stored');
  });

  it('never tells a stored sign-in to another server', async () => {
    const url = await api(() => ({ status: 200, body: {} }));
    await writeSession({ XDG_CONFIG_HOME: folder }, session('https://keyturn.example'));
    const result = await keyturn(['inbox', '--api', url], { environment: environment() });
    expect([result.code, server?.received]).toEqual([1, []]);
  });

  it('says that a sign-in is missing or over', async () => {
    const url = await api(() => ({ status: 200, body: {} }));
    expect((await keyturn(['inbox', '--api', url], { environment: environment() })).error).toContain(
      'not signed in',
    );
    await writeSession({ XDG_CONFIG_HOME: folder }, session(url, -1));
    expect((await keyturn(['inbox', '--api', url], { environment: environment() })).error).toContain(
      'sign-in has expired',
    );
  });

  it('says that a token is empty, and that an address is none', async () => {
    const url = await api(() => ({ status: 200, body: {} }));
    const empty = { KEYTURN_TOKEN: '', XDG_CONFIG_HOME: `${folder}/none` };
    expect((await keyturn(['inbox', '--api', url], { environment: empty })).error).toContain(
      'KEYTURN_TOKEN is empty',
    );
    const wrong = await keyturn(['inbox', '--api', '127.0.0.1:7080', '--token', 'x']);
    expect([wrong.code, wrong.error]).toEqual([
      2,
      expect.stringContaining('begins with http:// or https://'),
    ]);
  });

  it('says that another server than a Keyturn API answers', async () => {
    const url = await api(() => ({ status: 404, body: {} }));
    const { error } = await keyturn(['inbox', '--api', url, '--token', 'x']);
    expect(error).toContain('It does not answer as a Keyturn API. Is --api (KEYTURN_API_URL) right?');
  });

  it('says which server cannot be reached', async () => {
    const url = await api(() => ({ status: 200, body: {} }));
    await server?.stop();
    const result = await keyturn(['withdraw', VIEW.id, '--api', url]);
    expect([result.code, result.error]).toEqual([1, expect.stringContaining(`${url} cannot be reached (`)]);
  });
});

describe('the command line', () => {
  it.each([
    [['nonsense']],
    [['show']],
    [['approve', 'x', '--no-such']],
    [['replay']],
    [['replay', 'x', '--all']],
  ])('exits with 2 for %j', async (args) => {
    expect((await keyturn(args)).code).toBe(2);
  });

  it('explains itself', async () => {
    const result = await keyturn(['--help']);
    expect(result.code).toBe(0);
    const names =
      'request inbox show approve deny defer take-back withdraw watch verify replay login policy switch'.split(
        ' ',
      );
    for (const name of names) {
      expect(result.out).toContain(`\n  ${name} `);
    }
  });
});
