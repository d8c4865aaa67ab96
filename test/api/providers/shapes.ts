import { randomUUID } from 'node:crypto';
import type { JWTPayload } from 'jose';

/** What the tokens of a provider are made for, by its settings. */
export interface Meant {
  readonly issuer: string;
  readonly audience: string;
  /** The client of the CLI. */
  readonly client: string;
  readonly scope: string;
}

/** A token as a provider makes it: the header, and the claims beside `iat` and `exp`. */
export interface Shape {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims: JWTPayload;
}

/** A provider, by what it sends. */
export interface ProviderShapes {
  /** Its section in docs/identity-providers.md. */
  readonly name: string;
  /** A person who signed in with the CLI. */
  readonly person?: (meant: Meant, account: string) => Shape;
  /** The account, as SCIM and the directory have it. */
  readonly account: string;
  /** Tokens that a program got for itself, with the client and the scope of people where it can have them. */
  readonly machine: (meant: Meant, subject: string) => Shape;
  /** The account of an agent, and its client where tokens name one. */
  readonly agent: { readonly account: string; readonly client?: string };
  /** Tokens that look right and are not, by what the answer says. */
  readonly refused?: readonly [string, (meant: Meant) => Shape][];
  /** Who triggered the program, where its tokens say so. */
  readonly trigger?: string;
}

const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const OKTA_USER = '00u1keyturnolga';
const ENTRA_USER = '8a6b0c6e-3f63-4d0e-9b0f-3f2b8f6d0a11';
const ENTRA_APP = '4d1b41a2-77cb-4a4f-8f3c-9f4f3b3f7a55';
const KEYCLOAK_USER = 'f2a1c3b7-5c1f-4a39-b5b5-0a7a7d0c7a10';
const KEYCLOAK_SERVICE = '0c9f1d54-90a4-4f5f-8f16-5fd0bd7f2a31';

const now = (): number => Math.floor(Date.now() / 1_000);

function okta({ issuer, audience, client, scope }: Meant, account: string): Shape {
  return {
    claims: {
      ver: 1,
      jti: `AT.${randomUUID()}`,
      iss: issuer,
      aud: audience,
      cid: client,
      uid: account,
      scp: ['openid', 'offline_access', scope],
      auth_time: now(),
      sub: 'olga@example.com',
    },
  };
}

function entra({ issuer, audience, client, scope }: Meant, account: string): Shape {
  return {
    header: { typ: 'JWT' },
    claims: {
      aud: audience,
      iss: issuer,
      nbf: now(),
      aio: 'AXQAi/8TAAAA',
      name: 'Olga Petrenko',
      oid: account,
      rh: '0.ARoA',
      scp: scope,
      sub: 'I1fKcZ0pGbgTqKGnH0sMyXvIu_pairwise',
      tid: TENANT,
      uti: randomUUID(),
      ...(issuer.endsWith('/v2.0')
        ? { azp: client, azpacr: '0', preferred_username: 'olga@example.com', ver: '2.0' }
        : {
            appid: client,
            appidacr: '0',
            acr: '1',
            amr: ['pwd', 'mfa'],
            upn: 'olga@example.com',
            ver: '1.0',
          }),
    },
  };
}

/** Of an application: no scope, but roles; `idtyp` only where it was asked for. */
function entraApplication(meant: Meant, subject: string): Shape {
  const { header, claims } = entra(meant, subject);
  const { name: _name, scp: _scope, upn: _upn, preferred_username: _preferred, ...rest } = claims;
  return { header: { ...header }, claims: { ...rest, sub: subject, roles: ['Requests.Create'] } };
}

function keycloak({ issuer, audience, client, scope }: Meant, account: string): Shape {
  return {
    header: { typ: 'JWT' },
    claims: {
      jti: `onrtac:${randomUUID()}`,
      iss: issuer,
      aud: [audience, 'account'],
      sub: account,
      typ: 'Bearer',
      azp: client,
      sid: randomUUID(),
      acr: '1',
      realm_access: { roles: ['offline_access', 'default-roles-staff', 'uma_authorization'] },
      resource_access: { account: { roles: ['manage-account', 'view-profile'] } },
      scope: `openid email profile ${scope}`,
      email_verified: true,
      name: 'Olga Petrenko',
      preferred_username: 'olga',
      email: 'olga@example.com',
    },
  };
}

function keycloakService(meant: Meant, subject: string): Shape {
  const { header, claims } = keycloak(meant, subject);
  const { sid: _session, name: _name, email: _email, ...rest } = claims;
  const service = { preferred_username: `service-account-${meant.client}`, client_id: meant.client };
  return {
    header: { ...header },
    claims: { ...rest, ...service, clientHost: '10.0.0.7', clientAddress: '10.0.0.7' },
  };
}

function without(shape: Shape, ...names: readonly string[]): Shape {
  const claims = Object.fromEntries(Object.entries(shape.claims).filter(([name]) => !names.includes(name)));
  return { ...shape, claims };
}

function withClaims(shape: Shape, claims: JWTPayload): Shape {
  return { ...shape, claims: { ...shape.claims, ...claims } };
}

function auth0({ issuer, audience, client, scope }: Meant, account: string): Shape {
  return {
    header: { typ: 'JWT' },
    claims: {
      iss: issuer,
      sub: account,
      aud: [audience, `${issuer}userinfo`],
      scope: `openid offline_access ${scope}`,
      azp: client,
    },
  };
}

function cognito({ issuer, client, scope }: Meant, account: string): Shape {
  return {
    claims: {
      sub: account,
      iss: issuer,
      version: 2,
      client_id: client,
      origin_jti: randomUUID(),
      event_id: randomUUID(),
      token_use: 'access',
      scope: `openid ${scope}`,
      auth_time: now(),
      jti: randomUUID(),
      username: 'olga',
    },
  };
}

function google({ issuer, audience }: Meant, subject: string): Shape {
  const email = 'shop@example.iam.gserviceaccount.com';
  const claims = { aud: audience, azp: subject, email, email_verified: true, iss: issuer, sub: subject };
  return { header: { typ: 'JWT' }, claims };
}

function githubActions({ issuer, audience }: Meant, subject: string): Shape {
  return {
    header: { typ: 'JWT', x5t: 'eKDJLkG7yEKIHpK1O2vZAbcdEfg' },
    claims: {
      jti: randomUUID(),
      sub: subject,
      aud: audience,
      ref: 'refs/heads/main',
      sha: '0123456789abcdef0123456789abcdef01234567',
      repository: 'example/shop',
      repository_id: '74',
      repository_owner: 'example',
      environment: 'production',
      run_id: '10',
      run_attempt: '1',
      actor: 'olga',
      actor_id: '1024025',
      workflow: 'migrate',
      event_name: 'push',
      job_workflow_ref: 'example/shop/.github/workflows/migrate.yaml@refs/heads/main',
      runner_environment: 'github-hosted',
      iss: issuer,
      nbf: now(),
    },
  };
}

function gitlab({ issuer, audience }: Meant, subject: string): Shape {
  return {
    header: { typ: 'JWT' },
    claims: {
      namespace_id: '72',
      project_id: '20',
      project_path: 'example/shop',
      user_id: '1',
      user_login: 'olga',
      user_email: 'olga@example.com',
      pipeline_id: '574',
      pipeline_source: 'push',
      job_id: '302',
      ref: 'main',
      ref_type: 'branch',
      ref_protected: 'true',
      runner_environment: 'self-hosted',
      jti: randomUUID(),
      iss: issuer,
      nbf: now() - 5,
      sub: subject,
      aud: audience,
    },
  };
}

function kubernetes({ issuer, audience }: Meant, subject: string): Shape {
  return {
    claims: {
      aud: [audience],
      iss: issuer,
      jti: randomUUID(),
      'kubernetes.io': {
        namespace: 'shop',
        pod: { name: 'billing-5d4c', uid: randomUUID() },
        serviceaccount: { name: 'billing', uid: randomUUID() },
      },
      nbf: now(),
      sub: subject,
    },
  };
}

/** Each provider of the documentation, as its vendor documents its tokens. */
export const PROVIDERS: readonly ProviderShapes[] = [
  {
    name: 'Okta',
    person: okta,
    account: OKTA_USER,
    // Names itself in `sub`, and has no user.
    machine: (meant) => without(withClaims(okta(meant, ''), { sub: meant.client }), 'uid', 'auth_time'),
    agent: { account: '0oa2keyturnagent', client: '0oa2keyturnagent' },
    refused: [
      ['lacks a required claim: uid', (meant) => without(okta(meant, OKTA_USER), 'uid')],
      [
        'another audience',
        (meant) => withClaims(okta(meant, OKTA_USER), { aud: 'https://example.okta.com' }),
      ],
    ],
  },
  {
    name: 'Entra ID v2',
    person: entra,
    account: ENTRA_USER,
    machine: entraApplication,
    agent: { account: ENTRA_APP, client: '0b0a4f5f-77cb-4a4f-8f3c-9f4f3b3f7a55' },
    refused: [
      ['lacks a required claim: oid', (meant) => without(entra(meant, ENTRA_USER), 'oid')],
      ['another audience', (meant) => withClaims(entra(meant, ENTRA_USER), { aud: 'api://keyturn' })],
    ],
  },
  {
    name: 'Entra ID v1',
    person: entra,
    account: ENTRA_USER,
    machine: (meant, subject) => withClaims(entraApplication(meant, subject), { idtyp: 'app' }),
    agent: { account: ENTRA_APP, client: '0b0a4f5f-77cb-4a4f-8f3c-9f4f3b3f7a55' },
  },
  {
    name: 'Keycloak',
    person: keycloak,
    account: KEYCLOAK_USER,
    machine: keycloakService,
    agent: { account: KEYCLOAK_SERVICE, client: 'billing' },
    refused: [
      ['another audience', (meant) => withClaims(keycloak(meant, KEYCLOAK_USER), { aud: 'account' })],
      ['lacks a required claim: aud', (meant) => without(keycloak(meant, KEYCLOAK_USER), 'aud')],
      ['lacks a required claim: sub', (meant) => without(keycloak(meant, KEYCLOAK_USER), 'sub')],
      ['of another kind', (meant) => withClaims(keycloak(meant, KEYCLOAK_USER), { typ: 'ID' })],
    ],
  },
  {
    name: 'Auth0',
    person: auth0,
    account: 'auth0|65f0c0ffee',
    machine: (meant, subject) =>
      withClaims(auth0(meant, subject), { aud: meant.audience, gty: 'client-credentials' }),
    agent: { account: 'XyZKeyturnAgent@clients', client: 'XyZKeyturnAgent' },
    refused: [
      ['another audience', (meant) => withClaims(auth0(meant, ''), { aud: `${meant.issuer}userinfo` })],
    ],
  },
  {
    name: 'Google',
    account: '104563212345678901234',
    machine: google,
    agent: { account: '104563212345678901234' },
    refused: [
      [
        'of another kind',
        (meant) => withClaims(google(meant, '1078'), { email: 'olga@example.com', at_hash: 'x1y2' }),
      ],
    ],
  },
  {
    name: 'Cognito',
    person: (meant, account) => withClaims(cognito(meant, account), { aud: meant.audience }),
    account: 'c3d4b834-2011-70b2-9a0f-3f2b8f6d0a11',
    machine: (meant) => {
      const own = { sub: meant.client, aud: meant.audience };
      return without(withClaims(cognito(meant, ''), own), 'username', 'origin_jti', 'event_id');
    },
    agent: { account: '4keyturnagent', client: '4keyturnagent' },
    refused: [['lacks a required claim: aud', (meant) => cognito(meant, 'c3d4b834')]],
  },
  {
    name: 'GitHub Actions',
    account: '1024025',
    machine: githubActions,
    agent: { account: 'repo:example/shop:environment:production' },
    trigger: '1024025',
  },
  {
    name: 'GitLab CI',
    account: '1',
    machine: gitlab,
    agent: { account: 'project_path:example/shop:ref_type:branch:ref:main' },
    trigger: '1',
  },
  {
    name: 'Kubernetes',
    account: 'nobody',
    machine: kubernetes,
    agent: { account: 'system:serviceaccount:shop:billing' },
  },
];
