import { z } from 'zod';

import { statusOf, type ErrorCode } from '../../../domain/errors.ts';
import { switchSchema } from '../../../domain/wire-switches.ts';
import { jsonValueSchema } from '../../../domain/wire-json.ts';
import { identitySchema } from '../../../domain/wire-lineage.ts';
import { planSchema } from '../../../domain/wire-plan.ts';
import * as wire from '../../../domain/wire.ts';
import type { Answer, Operation } from './operation.ts';
import { OPERATIONS } from './operations.ts';

/** The published document. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
}

/** An operation in the document. */
export interface DocumentedOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly security: readonly unknown[];
  readonly parameters?: readonly unknown[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, DocumentedAnswer>>;
}

/** An answer in the document. */
export interface DocumentedAnswer {
  readonly description: string;
  readonly content?: Readonly<Record<string, unknown>>;
}

/** Schemas that appear in several places, by the name they are published under. */
const NAMED = {
  JsonValue: jsonValueSchema,
  Request: wire.requestSchema,
  RequestSummary: wire.requestSummarySchema,
  RequestPage: wire.requestPageSchema,
  Plan: planSchema,
  Decision: wire.decisionSchema,
  Identity: identitySchema,
  KillSwitch: switchSchema,
  Problem: wire.problemSchema,
} as const;

const ALWAYS: readonly ErrorCode[] = ['unauthenticated', 'rate_limited'];
const REFERENCE = '#/components/schemas/';

let made: OpenApiDocument | undefined;

/** The OpenAPI 3.1 document of this interface, made once from the schemas that also check what comes in. */
export function openApiDocument(): OpenApiDocument {
  made ??= makeDocument();
  return made;
}

function makeDocument(): OpenApiDocument {
  const { schemas } = z.toJSONSchema(REGISTRY, { ...CONVERSION, uri: (id) => `${REFERENCE}${id}` });
  const paths: Record<string, Record<string, DocumentedOperation>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: documented(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Keyturn',
      version: '1',
      description: 'Privileged actions that people agree to before they run.',
    },
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutMeta(schema)])),
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}

const REGISTRY = z.registry<{ id: string }>();
for (const [id, schema] of Object.entries(NAMED)) REGISTRY.add(schema, { id });

const CONVERSION = { target: 'draft-2020-12', unrepresentable: 'any' } as const;

function documented(operation: Operation): DocumentedOperation {
  const parameters = parametersOf(operation);
  return {
    operationId: `${operation.method} ${operation.path}`.replaceAll(/[^a-zA-Z0-9]+/g, '_').replace(/_$/, ''),
    summary: operation.summary,
    security: operation.isPublic ? [] : [{ token: [] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(operation.body
      ? { requestBody: { required: true, content: jsonContent(operation.body, 'input') } }
      : {}),
    responses: { ...answersOf(operation), ...errorsOf(operation) },
  };
}

function parametersOf({ path, headers = [], query }: Operation): readonly unknown[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  const inPath = names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  const inHeader = headers.map(({ name, description, isRequired = false }) => ({
    name,
    in: 'header',
    description,
    required: isRequired,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: schemaOf(schema as z.ZodType, 'input'),
  }));
  return [...inPath, ...inHeader, ...inQuery];
}

function answersOf({ answers }: Operation): Record<string, DocumentedAnswer> {
  return Object.fromEntries(
    answers.map((answer) => [answer.status, { description: answer.description, ...contentOf(answer) }]),
  );
}

function contentOf({ schema, mediaType }: Answer): { content?: Record<string, unknown> } {
  if (mediaType !== undefined)
    return { content: { [mediaType]: schema ? { schema: schemaOf(schema, 'output') } : {} } };
  return schema ? { content: jsonContent(schema, 'output') } : {};
}

function errorsOf({ errors = [], isPublic = false }: Operation): Record<string, DocumentedAnswer> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of isPublic ? errors : [...errors, ...ALWAYS]) {
    byStatus.set(statusOf(code), [...(byStatus.get(statusOf(code)) ?? []), code]);
  }
  const content = { 'application/problem+json': { schema: { $ref: `${REFERENCE}Problem` } } };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [status, { description: codes.join(', '), content }]),
  );
}

function jsonContent(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  return { 'application/json': { schema: schemaOf(schema, io) } };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): unknown {
  const named = Object.entries(NAMED).find(([, candidate]) => candidate === schema);
  if (named) return { $ref: `${REFERENCE}${named[0]}` };
  const { $defs: _named, ...own } = z.toJSONSchema(schema, { ...CONVERSION, io, metadata: REGISTRY });
  return JSON.parse(JSON.stringify(withoutMeta(own)).replaceAll('"#/$defs/', `"${REFERENCE}`));
}

/** OpenAPI says which dialect its schemas are in; each need not repeat it. */
function withoutMeta(schema: object): unknown {
  const { $schema: _dialect, $id: _id, ...rest } = schema as Record<string, unknown>;
  return rest;
}
