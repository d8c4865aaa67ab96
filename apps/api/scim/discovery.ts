import { GROUP_SCHEMA } from './group-fields.ts';
import { GROUP_EXTENSION, locationOf, USER_EXTENSION } from './resources.ts';
import { USER_SCHEMA } from './user-fields.ts';

const CORE = 'urn:ietf:params:scim:schemas:core:2.0';

/** What this implementation supports (RFC 7643 section 5). */
export function serviceProviderConfig(publicUrl: string): object {
  return {
    schemas: [`${CORE}:ServiceProviderConfig`],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: 200 },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: false },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token',
        description: 'A token of an authority that the operator has configured.',
        primary: true,
      },
    ],
    meta: {
      resourceType: 'ServiceProviderConfig',
      location: locationOf(publicUrl, 'ServiceProviderConfig', '').replace(/\/$/, ''),
    },
  };
}

/** The kinds of resources (RFC 7643 section 6). */
export function resourceTypes(publicUrl: string): readonly { readonly id: string }[] {
  return [
    { id: 'User', endpoint: '/Users', schema: USER_SCHEMA, extension: USER_EXTENSION },
    { id: 'Group', endpoint: '/Groups', schema: GROUP_SCHEMA, extension: GROUP_EXTENSION },
  ].map(({ extension, ...type }) => ({
    schemas: [`${CORE}:ResourceType`],
    ...type,
    schemaExtensions: [{ schema: extension, required: false }],
    name: type.id,
    meta: { resourceType: 'ResourceType', location: locationOf(publicUrl, 'ResourceTypes', type.id) },
  }));
}

/** The schemas (RFC 7643 section 7): only what is stored. */
export function schemas(publicUrl: string): readonly { readonly id: string }[] {
  return [
    { id: USER_SCHEMA, name: 'User', attributes: USER_ATTRIBUTES },
    { id: GROUP_SCHEMA, name: 'Group', attributes: GROUP_ATTRIBUTES },
    { id: USER_EXTENSION, name: 'Account', attributes: ['subject', 'problem'].map(readOnly) },
    { id: GROUP_EXTENSION, name: 'Group in rules', attributes: ['id'].map(readOnly) },
  ].map((schema) => ({
    schemas: [`${CORE}:Schema`],
    ...schema,
    meta: { resourceType: 'Schema', location: locationOf(publicUrl, 'Schemas', schema.id) },
  }));
}

/** A described attribute, with what is so for most. */
function attribute(described: { readonly name: string } & Readonly<Record<string, unknown>>): object {
  return {
    type: 'string',
    multiValued: false,
    required: false,
    caseExact: false,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    ...described,
  };
}

function readOnly(name: string): object {
  return attribute({ name, caseExact: true, mutability: 'readOnly' });
}

const USER_ATTRIBUTES = [
  attribute({ name: 'userName', required: true, uniqueness: 'server' }),
  attribute({ name: 'externalId', caseExact: true }),
  attribute({ name: 'displayName' }),
  attribute({
    name: 'name',
    type: 'complex',
    subAttributes: ['formatted', 'givenName', 'familyName'].map((name) => attribute({ name })),
  }),
  attribute({ name: 'active', type: 'boolean' }),
];

const GROUP_ATTRIBUTES = [
  attribute({ name: 'displayName', required: true, uniqueness: 'server' }),
  attribute({ name: 'externalId', caseExact: true }),
  attribute({
    name: 'members',
    type: 'complex',
    multiValued: true,
    subAttributes: [
      ...['value', 'type', 'display'].map((name) => attribute({ name, mutability: 'immutable' })),
      attribute({
        name: '$ref',
        type: 'reference',
        referenceTypes: ['User', 'Group'],
        caseExact: true,
        mutability: 'immutable',
      }),
    ],
  }),
];
