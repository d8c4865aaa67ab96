import type { ErrorCode } from '../../../domain/errors.ts';
import { statusOf } from '../../../contract/http-statuses.ts';
import { problemSchema } from '../../../contract/problem.ts';
import type { z } from 'zod';

import { ADVICE } from '../../../contract/advice.ts';
import {
  READERS,
  TAGS,
  type Answer,
  type AnswerHeader,
  type Operation,
} from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import type { Direction, JsonSchema } from './portable.ts';
import { namedSchemas, schemaOf } from './schemas.ts';

/** The published document. */
export type OpenApiDocument = ReturnType<typeof makeDocument>;

/** An operation in the document. */
export type DocumentedOperation = ReturnType<typeof documented>;

/** An answer in the document. */
export interface DocumentedAnswer {
  readonly description: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, unknown>>;
  /** The codes of problems that come with this status. */
  readonly 'x-keyturn-codes'?: readonly ErrorCode[];
}

type Header = AnswerHeader | 'X-Request-Id' | 'Retry-After' | 'WWW-Authenticate';

const HEADERS: Readonly<Record<Header, string>> = {
  'X-Request-Id': 'Id of this call in the logs: the one that the caller sent in this header, or a new one.',
  'Retry-After': 'Seconds to wait before repeating the call.',
  'WWW-Authenticate': 'How to sign in, and what is wrong with the token.',
  Location: 'URL of the request.',
  ETag: 'This version as this caller may see it, for If-None-Match.',
};

const HEADERS_OF_STATUS: Readonly<Record<number, Header>> = {
  401: 'WWW-Authenticate',
  429: 'Retry-After',
  503: 'Retry-After',
};

/** Codes of any operation, of one that needs a token, and of one with a body. */
const ALWAYS: readonly ErrorCode[] = ['invalid_request', 'internal'];
const GUARDED: readonly ErrorCode[] = [
  'unauthenticated',
  'rate_limited',
  'unavailable',
  // Stored data does not match its signature or digest: somebody changed the database.
  'envelope_invalid',
  'plan_altered',
  'policy_invalid',
];
/** Of one that changes something: browsers call it with the cookie of a session. */
const UNSAFE: readonly ErrorCode[] = ['csrf_refused'];
const WITH_BODY: readonly ErrorCode[] = ['invalid_json', 'body_too_large', 'unsupported_media_type'];

let made: OpenApiDocument | undefined;

/** The OpenAPI 3.1 document of this interface, made once from the schemas that also check what comes in. */
export function openApiDocument(): OpenApiDocument {
  made ??= makeDocument();
  return made;
}

function makeDocument() {
  const paths: Record<string, Record<string, DocumentedOperation>> = {};
  for (const [id, operation] of Object.entries<Operation>(OPERATIONS)) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: documented(id, operation) };
  }
  return {
    openapi: '3.1.0' as const,
    info: {
      title: 'Keyturn',
      version: '1',
      description:
        'Privileged actions that people approve before they run. Body fields and query parameters that are not described are refused; answers may get more fields, and more values of `code`, in any release. HEAD answers as GET does, without the body. A URL may end with a slash. A method that a URL does not accept is answered 405 with `Allow`, OPTIONS included. Bodies are JSON, with a length or chunked, never compressed. Answers are JSON whatever `Accept` says. This document, its page, the actions, the keys and policies are compressed where `Accept-Encoding` allows it. Answers about requests never are: they hold text of agents beside data that agents must not know, and the compressed length of both would reveal it to anyone who sees the traffic. A request line with headers of more than 16 KiB is answered 431, and a request that takes too long to arrive 408. Every answer has an `X-Request-Id`. An agent without an issuer sends an API key as its bearer token, and never in an address. A browser may call with the cookie of a session instead of a token (never with both): then whatever is not GET or HEAD needs the `Origin` of this API, and in `X-CSRF-Token` the `csrf_token` of `GET /v1/session`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Relative to this document, under any prefix.
    servers: [{ url: './/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: namedSchemas(),
      headers: Object.fromEntries(
        Object.entries(HEADERS).map(([name, description]) => [
          name,
          { description, schema: { type: name === 'Retry-After' ? 'integer' : 'string' } },
        ]),
      ),
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT or API key' } },
    },
    'x-keyturn-errors': documentedErrors(),
  };
}

/** Every code of an error: its status, and what a client does. */
function documentedErrors() {
  return Object.entries(ADVICE)
    .map(([code, advice]) => ({ code, status: statusOf(code as ErrorCode), advice }))
    .toSorted((left, right) => left.status - right.status);
}

function documented(operationId: string, operation: Operation) {
  const parameters = parametersOf(operation);
  return {
    operationId,
    tags: [operation.tag as string],
    summary: operation.summary,
    description: descriptionOf(operation),
    security: operation.readers === 'anybody' ? [] : [{ token: [] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...bodyOf(operation),
    responses: { ...answersOf(operation), ...errorsOf(operation) },
  };
}

function descriptionOf({ readers, isForSessions = false }: Operation): string {
  const by = isForSessions ? 'For people in the session of a browser alone, never with a token. ' : '';
  return `${by}Who may read the answer: ${READERS[readers]}`;
}

function bodyOf({ body, isBodyOptional = false }: Operation): { requestBody?: unknown } {
  return body ? { requestBody: { required: !isBodyOptional, content: jsonContent(body, 'input') } } : {};
}

function parametersOf({ path, headers = [], query }: Operation): readonly unknown[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  const inPath = names.map((name = '') => ({
    name,
    in: 'path',
    description: IN_PATH[idOf(path) ?? name],
    required: true,
    schema: { type: 'string' },
  }));
  const inHeader = headers.map(({ name, description, isRequired = false, lengthMax }) => ({
    name,
    in: 'header',
    description,
    required: isRequired,
    schema: { type: 'string', ...(lengthMax === undefined ? {} : { minLength: 1, maxLength: lengthMax }) },
  }));
  // The parsed value: its text is checked more strictly than a schema can say.
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, parameter]) => {
    const { description, ...schema } = schemaOf(parameter as z.ZodType, 'output');
    return { name, in: 'query', description, required: false, schema };
  });
  return [...inPath, ...inHeader, ...inQuery].map(({ schema, ...parameter }) => ({
    ...parameter,
    // Client generators look for it here. Beside a reference it would be ignored.
    schema: '$ref' in schema ? schema : { ...schema, description: parameter.description },
  }));
}

/** What an id is of, by the path: of a request where nothing else is said. */
function idOf(path: string): string | undefined {
  const [, , collection = ''] = path.split('/');
  return { switches: 'switch', sessions: 'session', 'api-keys': 'key' }[collection];
}

const IN_PATH: Readonly<Record<string, string>> = {
  id: 'Id of the request: `req_` and 26 characters',
  question: 'Id of the question: `qst_` and 26 characters',
  switch: 'Id of the kill switch: `swi_` and 26 characters',
  session: 'Id of the session: `ses_` and 26 characters',
  key: 'Id of the API key: `key_` and 26 characters',
  digest: 'Digest of the policy: `sha256:` and 64 hex digits',
  stream: 'policy, proposals, switches, directory, sessions or keys',
};

function answersOf({ answers }: Operation): Record<string, DocumentedAnswer> {
  return Object.fromEntries(
    answers.map((answer) => [
      answer.status,
      { description: answer.description, headers: headersOf(answer.headers), ...contentOf(answer) },
    ]),
  );
}

function contentOf({ schema, mediaType }: Answer): { content?: Record<string, unknown> } {
  if (mediaType !== undefined) return { content: { [mediaType]: { schema: { type: 'string' } } } };
  return schema ? { content: jsonContent(schema, 'output') } : {};
}

function errorsOf(operation: Operation): Record<string, DocumentedAnswer> {
  const byStatus = Map.groupBy(new Set(codesOf(operation)), statusOf);
  const content = { 'application/problem+json': { schema: schemaOf(problemSchema, 'output') } };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const header = HEADERS_OF_STATUS[status];
      const headers = headersOf(header && [header]);
      return [status, { description: codes.join(', '), headers, content, 'x-keyturn-codes': codes }];
    }),
  );
}

function codesOf({ errors = [], readers, method, body, path }: Operation): readonly ErrorCode[] {
  return [
    ...ALWAYS,
    ...(readers === 'anybody' ? [] : GUARDED),
    ...(readers === 'anybody' || method === 'get' ? [] : UNSAFE),
    ...(body ? WITH_BODY : []),
    ...(path.includes('{') ? (['not_found'] as const) : []),
    ...errors,
  ];
}

function headersOf(names: readonly Header[] = []): Record<string, JsonSchema> {
  return Object.fromEntries(
    [...names, 'X-Request-Id'].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}

function jsonContent(schema: z.ZodType, direction: Direction): Record<string, unknown> {
  return { 'application/json': { schema: schemaOf(schema, direction) } };
}
