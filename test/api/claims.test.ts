import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { JWTPayload } from 'jose';

import { createApplication } from '../../apps/api/application.ts';
import { openContext } from '../../apps/api/open-context.ts';
import { claimsAuthority } from '../../domain/identity/directory.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import { activate, startApi, type TestApi } from './api.ts';
import { statementsDuring } from './statements.ts';

const CLAIM = 'SQL admins';

let api: TestApi;
let iat = Math.floor(Date.now() / 1_000) - 3_000;

beforeAll(async () => {
  api = await startApi();
  const policy = withClaims(api.policy);
  await activate(api.databases, policy, policyDigest(policy));
});
afterAll(async () => {
  await api.stop();
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** The sample, with two groups whose members are seen in the tokens of its first issuer. */
function withClaims(policy: PolicySet): PolicySet {
  const seen = {
    authority: claimsAuthority(api.issuer.url),
    maximum_age_ms: 3_600_000,
    members: [],
    groups: [],
  };
  const groups = [
    ...policy.directory.groups,
    { ...seen, id: 'seen', claim: CLAIM },
    { ...seen, id: 'others', claim: 'others' },
  ];
  return { ...policy, directory: { ...policy.directory, groups } };
}

/** A person's token of the next second. */
async function token(subject: string, groups?: unknown, claims: JWTPayload = {}): Promise<string> {
  iat += 1;
  return api.issuer.humanToken(subject, { iat, ...(groups === undefined ? {} : { groups }), ...claims });
}

async function call(bearer: string): Promise<number> {
  return (await api.http({ path: '/v1/actions', token: bearer })).status;
}

async function members(group = 'seen'): Promise<readonly string[]> {
  const { directory } = await api.context.directories.now(api.context.source.manager);
  return directory.groups.find(({ id }) => id === group)?.members ?? [];
}

describe('a person who signs in', () => {
  it('is in the groups that her newest token lists, from the very call that brings it', async () => {
    expect(await call(await token('olga', ['all', CLAIM]))).toBe(200);
    expect([await members(), await members('others')]).toEqual([['olga'], []]);
    expect(await call(await token('olga', ['others']))).toBe(200);
    expect([await members(), await members('others')]).toEqual([[], ['olga']]);
    expect(await call(await token('olga'))).toBe(200);
    expect(await members('others')).toEqual([]);
  });

  it('does not come back by an older token, whichever replica it is shown to', async () => {
    const old = await token('petra', [CLAIM]);
    expect(await call(old)).toBe(200);
    const fresh = await token('petra', []);
    const other = await openContext(api.context.settings);
    const app = await createApplication(other);
    await app.listen(0, '127.0.0.1');
    const path = `${await app.getUrl()}/v1/actions`;
    const atOther = async (bearer: string): Promise<number> =>
      (await fetch(path, { headers: { authorization: `Bearer ${bearer}` } })).status;
    expect(await atOther(fresh)).toBe(200);
    expect(await members()).toEqual([]);
    // The first remembers the older one as the newest that it saw; the second never saw it.
    expect([await call(old), await atOther(old)]).toEqual([200, 200]);
    expect(await members()).toEqual([]);
    await app.close();
    await other.close();
  });

  it('costs the database nothing more with a token that was seen', async () => {
    const older = await token('omar', ['others']);
    const seen = await token('omar', [CLAIM]);
    const machine = await api.issuer.agentToken('agent-billing', { claims: { groups: [CLAIM] } });
    const asked = async (bearer: string): Promise<readonly string[]> =>
      statementsDuring(async () => expect(await call(bearer)).toBe(200));
    expect((await asked(seen)).join()).toContain('see_claims');
    const always = await asked(machine);
    expect([await asked(seen), await asked(older)]).toEqual([always, always]);
    expect(await members()).toEqual(['omar']);
    expect(await call(await token('omar', []))).toBe(200);
  });

  it('many times at once is in a group once', async () => {
    const tokens = await Promise.all(
      Array.from({ length: 12 }, (_, index) => token('dmitri', index % 2 ? [CLAIM] : [])),
    );
    expect(await Promise.all([...tokens, ...tokens].map(call))).toEqual(Array(24).fill(200));
    expect(await members()).toEqual(['dmitri']);
    expect(await call(await token('dmitri', []))).toBe(200);
  });
});

describe('nobody is put into a group by', () => {
  it.each<[string, () => Promise<string>]>([
    ['an agent', () => api.issuer.agentToken('agent-billing', { claims: { groups: [CLAIM] } })],
    [
      'an agent on behalf of a person',
      () => api.issuer.agentToken('agent-assistant', { onBehalfOf: 'olga', claims: { groups: [CLAIM] } }),
    ],
    ['a person without the scope to decide', () => token('olga', [CLAIM], { scope: 'openid' })],
    ['a person at another client', () => token('olga', [CLAIM], { client_id: 'backend' })],
    ['somebody acting for a person', () => token('olga', [CLAIM], { act: { sub: 'agent-billing' } })],
    ['an application', () => token('olga', [CLAIM], { idtyp: 'app' })],
    ['a person at another issuer', () => api.secondIssuer.humanToken('olga.petrenko', { groups: [CLAIM] })],
    ['a claim that only looks alike', () => token('olga', ['sql admins', `${CLAIM} `])],
  ])('the token of %s', async (_name, bearer) => {
    expect(await call(await bearer())).toBe(200);
    expect(await members()).toEqual([]);
  });

  it('the token of a person whom the directory does not know, who is refused', async () => {
    expect(await call(await token('stranger', [CLAIM]))).toBe(403);
    expect(await members()).toEqual([]);
  });
});

describe('a token that does not say plainly which groups', () => {
  const many = Array.from({ length: 201 }, (_, index) => (index === 0 ? CLAIM : `g${index}`));

  it.each<[string, JWTPayload]>([
    ['too many', { groups: many }],
    ['one with an endless name', { groups: [CLAIM, 'x'.repeat(257)] }],
    ['as one text', { groups: CLAIM }],
    ['as numbers', { groups: [CLAIM, 1] }],
    ['as nothing', { groups: null }],
    [
      'that are said elsewhere',
      { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph' } } },
    ],
    ['by a hint that there are more', { hasgroups: true }],
    ['without its time of issue', { groups: [], iat: undefined as never }],
    ['from a clock that is ahead', { groups: [], iat: Math.floor(Date.now() / 1_000) + 300 }],
    ['that no database could hold', { groups: ['a\0b'] }],
  ])('changes nothing and is served: %s', async (_name, claims) => {
    expect(await call(await token('olga', ['others']))).toBe(200);
    expect(await call(await token('olga', undefined, claims))).toBe(200);
    expect([await members(), await members('others')]).toEqual([[], ['olga']]);
  });

  it('changes nothing and is served: from a clock that is ahead of the database only', async () => {
    const { rows } = await api.db.query<{ text: string }>(
      `select pg_get_functiondef('keyturn.keep_claims'::regproc) as text`,
    );
    const before = rows[0]?.text ?? expect.unreachable();
    // As if the database's clock were hours behind this one.
    await api.db.query(before.replace("interval '1 minute'", "interval '-2 hours'"));
    const warned = vi.spyOn(api.context.log, 'warn');
    try {
      const known = await members('others');
      expect(await call(await token('petra', ['others']))).toBe(200);
      expect(await members('others')).toEqual(known);
      const logged = { issuer: api.issuer.url, why: 'issued_ahead' };
      expect(warned.mock.calls).toEqual([[logged, 'the groups of a token were not taken']]);
    } finally {
      await api.db.query(before);
    }
  });
});
