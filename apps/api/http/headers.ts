import { createHash } from 'node:crypto';

import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request, Response } from 'express';

import type { RequestView } from '../../../contract/requests.ts';

const WAIT_DEFAULT_SECONDS = 5;
const WAIT_SECONDS_MAX = 60;

/** How long the caller wants to wait (RFC 7240, `Prefer: wait=N`), in milliseconds. */
export function preferredWaitMs(request: Request): number {
  const match = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:$|[,;])/i.exec(
    String(request.headers['prefer'] ?? ''),
  );
  const seconds = match ? Math.min(Number(match[1]), WAIT_SECONDS_MAX) : WAIT_DEFAULT_SECONDS;
  return seconds * 1_000;
}

/** A signal that aborts when the caller hangs up, so that nothing is awaited in vain: a parameter of a handler. */
export const HangUp = createParamDecorator((_: unknown, context: ExecutionContext): AbortSignal => {
  const response = context.switchToHttp().getResponse<Response>();
  const controller = new AbortController();
  // After a whole answer nothing waits any more, and an abort is not free.
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
});

/** The ETag of a request as one caller sees it now: others may see less, and who may decide changes with time. */
export function entityTag(view: RequestView): string {
  return `W/"${view.version}-${createHash('sha256').update(JSON.stringify(view)).digest('base64url').slice(0, 22)}"`;
}

/** True when the caller has this version already. */
export function hasVersion(request: Request, tag: string): boolean {
  const known = (request.headers['if-none-match'] ?? '').split(',');
  return known.some((name) => ['*', tag, tag.slice(2)].includes(name.trim()));
}
