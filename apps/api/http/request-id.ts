import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

import type { Request } from 'express';

/** The header that names a call, in both directions. */
export const REQUEST_ID_HEADER = 'X-Request-Id';

const ids = new AsyncLocalStorage<string>();

/** The id that the caller or a proxy gave this call, where it can be logged as it is; else a new one. */
export function requestIdOf(request: Request): string {
  const [given, ...more] = request.headersDistinct['x-request-id'] ?? [];
  return given !== undefined && more.length === 0 && /^[\w.:=+/-]{1,128}$/.test(given) ? given : randomUUID();
}

/** Runs the work of a call, so that every line logged meanwhile has its id. */
export function runNamed(id: string, work: () => void): void {
  ids.run(id, work);
}

/** The id of the call that is being answered. */
export function currentRequestId(): string | undefined {
  return ids.getStore();
}

/** The same as a field of a log line. */
export function requestIdField(): object {
  const id = currentRequestId();
  return id === undefined ? {} : { request_id: id };
}
