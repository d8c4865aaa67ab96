import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';

import type { Person } from '../../../domain/identity/directory.ts';
import type { TestApi } from '../api.ts';
import type { Call, Reply } from '../../stack/http.ts';
import { testFolder } from '../../stack/temporal.ts';

/** Tokens of two authorities, as their providers hold them. */
export const OKTA = 'okta-token-0123456789';
export const ENTRA = 'entra-token-9876543210';

export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** An answer of SCIM, or one of its errors. */
export type Resource = Readonly<Record<string, unknown>> & {
  readonly id: string;
  readonly scimType?: string;
  readonly members?: readonly { readonly value: string; readonly type: string }[];
};

/** A list as SCIM answers it. */
export type List = Readonly<Record<string, unknown>> & {
  readonly totalResults: number;
  readonly Resources: readonly Resource[];
};

/** Writes who may provision accounts of an issuer. Answers the path of the file. */
export function writeScim(name: string, issuer: string): string {
  const file = path.join(testFolder(), `scim_${name}.yaml`);
  const hash = (token: string): string => createHash('sha256').update(token).digest('hex');
  const authorities = [
    { name: 'okta', token_sha256: [hash(OKTA), hash(`${OKTA}-new`)], issuer },
    { name: 'entra', token_sha256: [hash(ENTRA)], issuer },
  ];
  fs.writeFileSync(file, stringify({ authorities }));
  return file;
}

/** How a provider calls. */
export interface ScimCall {
  readonly method?: string;
  readonly body?: unknown;
  readonly token?: string;
}

/** Whom a provider calls. */
interface Server {
  http<T>(options: Call): Promise<Reply<T>>;
}

/** The calls of one provider. */
export interface Provider {
  call<T = Resource>(resource: string, options?: ScimCall): Promise<Reply<T>>;
  find(kind: 'Users' | 'Groups', filter: string): Promise<List>;
  addUser(userName: string, fields?: object): Promise<string>;
  addGroup(displayName: string, members?: readonly string[]): Promise<string>;
  patch(resource: string, operations: readonly object[]): Promise<Reply<Resource>>;
}

/** A provider with its token. */
export function provider(server: Server, token = OKTA): Provider {
  const call = <T>(resource: string, options: ScimCall = {}): Promise<Reply<T>> =>
    server.http<T>({
      token,
      path: `/scim/v2/${resource}`,
      headers: { 'content-type': 'application/scim+json', accept: 'application/scim+json' },
      ...options,
    });
  const created = async (resource: string, body: object): Promise<string> => {
    const reply = await call<Resource>(resource, { body });
    if (reply.status !== 201) throw new Error(`${resource}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body.id;
  };
  return {
    call,
    find: async (kind, filter) => (await call<List>(`${kind}?filter=${encodeURIComponent(filter)}`)).body,
    addUser: (userName, fields = {}) =>
      created('Users', {
        schemas: [USER],
        userName: `${userName}@example.com`,
        externalId: userName,
        active: true,
        ...fields,
      }),
    addGroup: (displayName, members = []) =>
      created('Groups', { schemas: [GROUP], displayName, members: members.map((value) => ({ value })) }),
    patch: (resource, operations) =>
      call(resource, { method: 'PATCH', body: { schemas: [PATCH], Operations: operations } }),
  };
}

/** The person with this account at the issuer, as the directory has her now. */
export async function provisionedPerson({ context }: TestApi, subject: string): Promise<Person | undefined> {
  const { directory } = await context.directories.now(context.source.manager);
  return directory.people.find((person) => person.accounts.some((account) => account.subject === subject));
}

/** Who is in a group of the directory now. */
export async function provisionedMembers(
  { context }: TestApi,
  group: string,
): Promise<readonly string[] | undefined> {
  const { directory } = await context.directories.now(context.source.manager);
  return directory.groups.find((one) => one.id === group)?.members;
}
