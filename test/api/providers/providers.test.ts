import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { policyDigest, type PolicySet } from '../../../domain/policy/policy.ts';
import { testFolder } from '../../stack/temporal.ts';
import { activate, startApi, type TestApi } from '../api.ts';
import { storeRequest } from '../rows.ts';
import { provider } from '../scim/provisioning.ts';
import { startProviderServer, type ProviderServer } from './provider-server.ts';
import { documentedProviders, documentedUses, type DocumentedProvider } from './settings.ts';
import { PROVIDERS, type Meant, type ProviderShapes, type Shape } from './shapes.ts';

/** Each provider, set up as the documentation says, by what its tokens and its provisioning look like. */

let server: ProviderServer;
let documented: readonly DocumentedProvider[];
let api: TestApi;

beforeAll(async () => {
  server = await startProviderServer((url) => documentedProviders(url).map(({ issuer }) => issuer.issuer));
  documented = documentedProviders(server.url);
  const file = path.join(testFolder(), 'provider_issuers.yaml');
  fs.writeFileSync(file, stringify({ issuers: documented.map(({ issuer }) => issuer) }));
  api = await startApi({ KEYTURN_ISSUERS: file }, writeScim);
  const policy = withProviders(api.policy);
  await activate(api.databases, policy, policyDigest(policy));
});
afterAll(async () => {
  await api.stop();
  await server.stop();
});

const tokenOf = (name: string): string => `token-of-${name}-0123456789`;

function writeScim(): string {
  const file = path.join(testFolder(), 'provider_scim.yaml');
  const authorities = documented.flatMap(({ scim }) =>
    scim === null
      ? []
      : [
          {
            ...scim,
            token_sha256: [
              createHash('sha256')
                .update(tokenOf(String(scim['name'])))
                .digest('hex'),
            ],
          },
        ],
  );
  fs.writeFileSync(file, stringify({ authorities }));
  return file;
}

/** Their groups are administrators, and their programs agents; one who triggered a program is a person. */
function withProviders(policy: PolicySet): PolicySet {
  const { directory } = policy;
  const authorities = documented.flatMap(({ scim }) => (scim ? [String(scim['name'])] : []));
  const groups = authorities.map((name) => ({
    id: `${name}-dba`,
    authority: `scim:${name}`,
    members: [],
    groups: [],
  }));
  const dba = { id: 'dba', members: ['olga'], groups: groups.map(({ id }) => id) };
  const agents = PROVIDERS.map((one, index) => ({
    id: `agent-of-${index}`,
    name: one.name,
    active: true,
    owner: 'ada',
    acts_for_people: false,
    issuer: meantOf(one).issuer,
    subject: one.agent.account,
  }));
  const triggers = PROVIDERS.flatMap((one) =>
    one.trigger === undefined ? [] : [{ issuer: meantOf(one).issuer, subject: one.trigger }],
  );
  const people = directory.people.map((person) =>
    person.id === 'dmitri' ? { ...person, accounts: [...person.accounts, ...triggers] } : person,
  );
  const others = directory.groups.filter(({ id }) => id !== 'dba');
  return {
    ...policy,
    directory: {
      ...directory,
      people,
      agents: [...directory.agents, ...agents],
      groups: [...others, ...groups, dba],
    },
  };
}

function settingsOf({ name }: ProviderShapes): DocumentedProvider {
  return documented.find((one) => one.name === name) ?? expect.unreachable(name);
}

function meantOf(shapes: ProviderShapes): Meant {
  const { issuer, audience, human } = settingsOf(shapes).issuer;
  return { issuer, audience, client: human?.clients[0] ?? 'none', scope: human?.scope ?? 'none' };
}

async function call(shape: Shape, route = '/v1/inbox') {
  return api.http({ path: route, token: await server.sign(shape) });
}

const OF_PEOPLE = PROVIDERS.filter(({ person }) => person !== undefined).map(
  (one) => [one.name, one] as const,
);
const PROVISIONED = OF_PEOPLE.filter(([name]) => name !== 'Cognito');

describe('the documentation', () => {
  it('has a section for each provider, and says of each in the table what is so', () => {
    expect(documented.map(({ name }) => name)).toEqual(PROVIDERS.map(({ name }) => name));
    const uses = documentedUses();
    const rowOf = (name: string): string => name.replace(/^Entra ID v(\d)$/, 'Entra ID, v$1.0 tokens');
    expect([...uses.keys()]).toEqual(
      expect.arrayContaining(PROVIDERS.map(({ name }) => rowOf(name))) as unknown,
    );
    for (const [name, { people, agents }] of uses) {
      const shapes = PROVIDERS.find((one) => rowOf(one.name) === name) ?? expect.unreachable(name);
      const isUsual = name !== 'Cognito';
      expect([name, people, agents]).toEqual([
        name,
        shapes.person && isUsual ? 'yes' : 'no',
        isUsual ? 'yes' : 'no',
      ]);
    }
  });
});

describe('a person', () => {
  it.each(PROVISIONED)('of %s is provisioned, signs in, and decides', async (_name, shapes) => {
    const { scim } = settingsOf(shapes);
    const name = String(scim?.['name']);
    const provisioning = provider(api, tokenOf(name));
    const fields = { userName: `olga@${name}.example.com`, externalId: shapes.account, displayName: 'Olga' };
    const user = await provisioning.addUser('olga', fields);
    await provisioning.addGroup(`${name}-dba`, [user]);
    const stored = await storeRequest(api);
    const shape = shapes.person?.(meantOf(shapes), shapes.account) ?? expect.unreachable();
    expect((await call(shape)).status).toBe(200);
    const decision = { decision_digest: stored.decisionDigest, verdict: 'approve' };
    const route = { path: `/v1/requests/${stored.id}/decisions`, token: await server.sign(shape) };
    // Kept for a worker, of which there is none.
    expect(await api.http({ ...route, body: decision })).toMatchObject({ status: 202 });
  });

  it.each(OF_PEOPLE)(
    'of %s decides nothing without the scope, or with another client',
    async (_name, shapes) => {
      const meant = meantOf(shapes);
      for (const other of [{ scope: 'keyturn:read' }, { client: 'some-other-client' }]) {
        const shape = shapes.person?.({ ...meant, ...other }, shapes.account) ?? expect.unreachable();
        expect(await call(shape)).toMatchObject({ status: 403, body: { code: 'machine_cannot_decide' } });
      }
    },
  );

  it.each(
    PROVIDERS.flatMap((one) =>
      (one.refused ?? []).map(([said, shape]) => [one.name, said, () => shape(meantOf(one))] as const),
    ),
  )('of %s is refused where the token %s', async (_name, said, shape) => {
    const reply = await call(shape());
    expect(reply).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(reply.body['detail']).toContain(said);
  });
});

describe('a program', () => {
  it.each(PROVIDERS.map((one) => [one.name, one] as const))(
    'of %s asks as its agent, and decides nothing, also with the client and the scope of people',
    async (_name, shapes) => {
      const { account, client = 'none' } = shapes.agent;
      const meant = meantOf(shapes);
      expect(
        (await api.create(await server.sign(shapes.machine({ ...meant, client }, account)))).status,
      ).toBe(202);
      const token = await server.sign(shapes.machine(meant, account));
      expect(await api.tokens.verify(token)).toMatchObject({ isInteractive: false, isHuman: false });
      const stored = await storeRequest(api);
      const decision = { decision_digest: stored.decisionDigest, verdict: 'approve' };
      const route = { path: `/v1/requests/${stored.id}/decisions`, token };
      expect(await api.http({ ...route, body: decision })).toMatchObject({
        status: 403,
        body: { code: 'machine_cannot_decide' },
      });
    },
  );

  it.each(PROVIDERS.filter(({ trigger }) => trigger !== undefined).map((one) => [one.name, one] as const))(
    'of %s names who triggered it',
    async (_name, shapes) => {
      const { issuer } = meantOf(shapes);
      const token = await server.sign(shapes.machine(meantOf(shapes), shapes.agent.account));
      const { behind } = await api.tokens.verify(token);
      expect(behind).toEqual([{ role: 'trigger', issuer, subject: shapes.trigger }]);
    },
  );
});
