import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';

import { KeyturnError } from '../../../domain/errors.ts';
import { parseJsonText } from '../../../domain/json-text.ts';
import { POLICY_BYTES_MAX } from '../../../domain/wire-policies.ts';
import type { AuthenticatedRequest } from '../auth/caller.ts';
import { seenAnew } from '../auth/guard.ts';
import type { ApiContext } from '../context.ts';

/** JSON, also under the name that provisioning clients give it (RFC 7644 section 3.1). */
const MEDIA_TYPES: ReadonlySet<string> = new Set(['application/json', 'application/scim+json']);

/** A larger body is refused: nobody could review it. */
export const BODY_BYTES_MAX = 256 * 1024;

/** After so long whoever passed the guard may be somebody else by now: a body can be sent as slowly as one likes. */
const STANDING_MS_MAX = 1_000;

/**
 * Reads the whole body as strict JSON into `request.body`, for the handlers and nobody before them: of whoever does not
 * pass the guard nothing is read, since parsing is what costs most. Compressed bodies are refused: a small one could
 * unpack to anything.
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
      request.body = await parsedBody(request);
    } catch (error) {
      // A request that was read to its end is destroyed as well: what is wrong with it then is what was said.
      throw request.destroyed && !request.complete ? cutShort() : error;
    }
    if (request.caller && performance.now() - beganMs > STANDING_MS_MAX)
      request.caller = await seenAnew(this.#context, request.caller);
    return next.handle();
  }
}

function cutShort(): KeyturnError {
  return new KeyturnError('invalid_json', 'The connection ended before the body did.');
}

async function parsedBody(request: Request): Promise<unknown> {
  // What asks for something needs none, and some of it is open to everybody.
  if (request.method === 'GET' || request.method === 'HEAD') return undefined;
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length']) > 0;
  if (!hasBody) return undefined;
  refuseMediaType(request);
  const bytesMax = limitOf(request);
  if (Number(request.headers['content-length']) > bytesMax) throw tooLarge(bytesMax);
  return parseJsonText(decode(await readAll(request, bytesMax)));
}

/** A whole policy is larger than anything else that is taken. */
function limitOf({ method, path }: Request): number {
  return method === 'POST' && path === '/v1/policies' ? POLICY_BYTES_MAX : BODY_BYTES_MAX;
}

function refuseMediaType(request: Request): void {
  const [type, ...parameters] = (request.headers['content-type'] ?? '').toLowerCase().split(';');
  const isUtf8 = parameters.every((parameter) => /^\s*charset="?utf-8"?\s*$/.test(parameter));
  const encoding = request.headers['content-encoding'];
  if (
    !MEDIA_TYPES.has(type?.trim() ?? '') ||
    !isUtf8 ||
    (encoding !== undefined && encoding !== 'identity')
  ) {
    throw new KeyturnError('unsupported_media_type', 'Send plain application/json in UTF-8.');
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

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new KeyturnError('invalid_json', 'The body is not UTF-8.');
  }
}

function tooLarge(bytesMax: number): KeyturnError {
  return new KeyturnError('body_too_large', `The body is larger than ${bytesMax} bytes.`);
}
