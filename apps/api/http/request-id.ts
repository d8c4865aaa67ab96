import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

import type { Request } from 'express';

/** The header that names a call, in both directions. */
export const REQUEST_ID_HEADER = 'X-Request-Id';

const ids = new AsyncLocalStorage<string>();

/** What the caller or a proxy before us calls this call, where that can be logged as it is; else a new name. */
export function requestIdOf(request: Request): string {
  const [given, ...more] = request.headersDistinct['x-request-id'] ?? [];
  return given !== undefined && more.length === 0 && /^[\w.:=+/-]{1,128}$/.test(given) ? given : randomUUID();
}

/** Does what belongs to a call, so that every line logged meanwhile names it. */
export function runNamed(id: string, work: () => void): void {
  ids.run(id, work);
}

/** The name of the call that is being answered. */
export function currentRequestId(): string | undefined {
  return ids.getStore();
}

/** The same as a field of a log line. */
export function requestIdField(): object {
  const id = currentRequestId();
  return id === undefined ? {} : { request_id: id };
}
