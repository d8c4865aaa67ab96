import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

import { openApiDocument, type DocumentedOperation } from '../../apps/api/openapi/document.ts';
import type { Reply } from './http.ts';

/** Headers that a client may have to know of. */
const TELLING = ['location', 'etag', 'retry-after', 'www-authenticate', 'allow', 'x-request-id'];

const closed = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
closed.addSchema(closedCopy(openApiDocument()) as object, 'document');
const compiled = new Map<string, ValidateFunction>();

const templates = Object.entries(openApiDocument().paths).map(([path, methods]) => ({
  path,
  pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  methods,
}));

/** Throws where the answer is not what the published document says of the operation: status, code, headers, every field. */
export function refuseUndocumented(method: string, path: string, reply: Reply<unknown>): void {
  const [route = ''] = path.split('?');
  const template = templates.find(({ pattern }) => pattern.test(route));
  const operation = template?.methods[method.toLowerCase()];
  if (!template || !operation) return;
  const wrong = wrongIn(operation, reply, `/paths/${escaped(template.path)}/${method.toLowerCase()}`);
  if (wrong.length === 0) return;
  throw new Error(
    `${method} ${template.path} answered ${reply.status}, which the document does not describe so: ${wrong.join('; ')}`,
  );
}

function wrongIn(operation: DocumentedOperation, reply: Reply<unknown>, pointer: string): readonly string[] {
  const answer = operation.responses[reply.status];
  if (!answer) return [`no such status (${JSON.stringify(reply.body).slice(0, 300)})`];
  const type = (reply.headers.get('content-type') ?? '').split(';')[0] ?? '';
  const headers = new Set(Object.keys(answer.headers).map((name) => name.toLowerCase()));
  const unnamed = TELLING.filter((name) => reply.headers.has(name) && !headers.has(name));
  const missing = [...headers].filter((name) => !reply.headers.has(name));
  return [
    ...unnamed.map((name) => `header ${name} is not described`),
    ...missing.map((name) => `header ${name} is missing`),
    ...wrongCode(answer['x-keyturn-codes'], reply.body),
    ...(answer.content ? wrongBody(`${pointer}/responses/${reply.status}/content`, type, reply.body) : []),
  ];
}

function wrongCode(codes: readonly string[] | undefined, body: unknown): readonly string[] {
  const { code } = (body ?? {}) as { code?: string };
  return codes && code !== undefined && !codes.includes(code) ? [`no such code: ${code}`] : [];
}

function wrongBody(pointer: string, type: string, body: unknown): readonly string[] {
  const reference = `document#${pointer}/${escaped(type)}/schema`;
  try {
    const validate = compiled.get(reference) ?? closed.compile({ $ref: reference });
    compiled.set(reference, validate);
    if (validate(body)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  } catch (error) {
    return [`media type ${type}: ${(error as Error).message}`];
  }
}

function escaped(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** The document without room to grow: what it does not name is not there yet. */
function closedCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closedCopy);
  if (value === null || typeof value !== 'object') return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, closedCopy(part)]));
  const { 'x-extensible-enum': values, ...rest } = copy;
  if (Array.isArray(values))
    return { ...rest, enum: nullsIn(rest) ? [...(values as unknown[]), null] : values };
  return isObjectSchema(copy) && !('additionalProperties' in copy)
    ? { ...copy, additionalProperties: false }
    : copy;
}

function nullsIn({ type }: Readonly<Record<string, unknown>>): boolean {
  return Array.isArray(type) && type.includes('null');
}

function isObjectSchema({ type, properties }: Readonly<Record<string, unknown>>): boolean {
  return (
    typeof properties === 'object' && (type === 'object' || (Array.isArray(type) && type.includes('object')))
  );
}
