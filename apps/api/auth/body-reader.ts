import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';

import { KeyturnError } from '../../../domain/errors.ts';
import { parseJsonText } from '../../../domain/crypto/json-text.ts';
import { POLICY_BYTES_MAX } from '../../../contract/policies.ts';
import { actingPersonOf, type AuthenticatedRequest } from './caller.ts';
import { refreshCaller } from './authenticate.ts';
import type { ApiContext } from '../context.ts';
import { countRefusal } from './refused-attempt.ts';
import { strictUtf8 } from '../http/idempotency.ts';
import type { RateLimiter } from '../http/rate-limiter.ts';

/** JSON, also under the name that provisioning clients give it (RFC 7644 section 3.1). */
const JSON_TEXT = { types: new Set(['application/json', 'application/scim+json']), parse: parseJsonText };

const FORM = {
  types: new Set(['application/x-www-form-urlencoded']),
  parse: (text: string): unknown => Object.fromEntries(new URLSearchParams(text)),
};

/** A larger body is refused: nobody could review it. */
export const BODY_BYTES_MAX = 256 * 1024;

/** The size of a group with the largest number of members, each as it is answered. */
const GROUP_BYTES_MAX = 2 * 1024 * 1024;

/** Reading and checking this much of a body costs as much as a call without one. */
const BYTES_OF_A_CALL = 4 * 1024;

/** A body can be sent arbitrarily slowly: after this time the caller is authenticated again. */
const STANDING_MS_MAX = 1_000;

/**
 * Reads the whole body as strict JSON into `request.body` once the guard has admitted the caller: parsing costs most, so
 * nothing of other callers is read, nor a whole policy from somebody who may not propose one. Large bodies count as
 * several calls. Compressed ones are refused: a small one could unpack to anything.
 */
export class BodyReader implements NestInterceptor {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  async intercept(
    execution: ExecutionContext,
    next: CallHandler,
  ): Promise<ReturnType<CallHandler['handle']>> {
    const request = execution.switchToHttp().getRequest<AuthenticatedRequest>();
    const beganMs = performance.now();
    try {
      request.body = await parsedBody(this.#context, request);
    } catch (error) {
      // A request that was read to its end is destroyed as well: then the error itself is the reason.
      if (!request.destroyed || request.complete) throw error;
      throw new KeyturnError('invalid_json', 'The connection closed before the body was complete.');
    }
    if (request.caller && performance.now() - beganMs > STANDING_MS_MAX)
      request.caller = await refreshCaller(this.#context, request.caller);
    return next.handle();
  }
}

async function parsedBody(
  context: Pick<ApiContext, 'keys' | 'limits' | 'metrics' | 'log'>,
  request: AuthenticatedRequest,
): Promise<unknown> {
  const { caller } = request;
  // Reads need no body, and some of them are open to everybody.
  if (request.method === 'GET' || request.method === 'HEAD') return undefined;
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length']) > 0;
  if (!hasBody) return undefined;
  const { types, parse } = isFormPath(request.path) ? FORM : JSON_TEXT;
  refuseMediaType(request, types);
  const bytesMax = limitOf(request);
  if (Number(request.headers['content-length']) > bytesMax) throw tooLarge(bytesMax);
  if (caller && isProposal(request))
    await countRefusal(context, { caller, delivery: 'proposal' }, async () => actingPersonOf(caller));
  const bytes = await readAll(request, bytesMax);
  payFor(context.limits.calls, request.payer, bytes.length);
  const text = strictUtf8(bytes);
  if (text === null) throw new KeyturnError('invalid_json', 'The body is not UTF-8.');
  return parse(text);
}

/** What browsers and identity providers post is a form. */
function isFormPath(path: string): boolean {
  return /^\/sign-(?:out|in\/)/i.test(path);
}

/** A whole policy is larger than any other body that is accepted, and a whole group larger than most. */
function limitOf(request: Request): number {
  if (isProposal(request)) return POLICY_BYTES_MAX;
  return /^\/scim\/v2\/Groups(\/|$)/i.test(request.path) ? GROUP_BYTES_MAX : BODY_BYTES_MAX;
}

function isProposal({ method, path }: Request): boolean {
  return method === 'POST' && /^\/v1\/policies\/?$/i.test(path);
}

/** Many large bodies may come at once: a caller that owes for those already parsed is refused before the next one. */
function payFor(limiter: RateLimiter, payer: string | undefined, bytes: number): void {
  const calls = Math.floor(bytes / BYTES_OF_A_CALL);
  if (payer === undefined || calls === 0) return;
  limiter.admit(payer);
  limiter.charge(payer, calls - 1);
}

function refuseMediaType(request: Request, allowed: ReadonlySet<string>): void {
  const [type, ...parameters] = (request.headers['content-type'] ?? '').toLowerCase().split(';');
  const isUtf8 = parameters.every((parameter) => /^\s*charset="?utf-?8"?\s*$/.test(parameter));
  const { 'content-encoding': encoding = 'identity', 'transfer-encoding': transfer = 'chunked' } =
    request.headers;
  const isPlain = encoding.toLowerCase() === 'identity' && transfer.toLowerCase() === 'chunked';
  if (!allowed.has(type?.trim() ?? '') || !isUtf8 || !isPlain) {
    const [wanted] = allowed;
    throw new KeyturnError('unsupported_media_type', `Send plain ${wanted} in UTF-8.`);
  }
}

async function readAll(request: Request, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // A request that is destroyed here would look like one whose caller hung up.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > bytesMax) throw tooLarge(bytesMax);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function tooLarge(bytesMax: number): KeyturnError {
  return new KeyturnError('body_too_large', `The body is larger than ${bytesMax} bytes.`);
}
