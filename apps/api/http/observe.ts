import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';

import type { Metrics } from './metrics.ts';
import { REQUEST_ID_HEADER, requestIdOf, runNamed } from './request-id.ts';

/** Called every few seconds by supervisors of this process: worth a line only when the answer is no. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

/** Names every call, logs and measures its answer by its route template, without addresses, headers or bodies. */
export function observe(log: Logger, metrics: Metrics) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const started = performance.now();
    const request_id = requestIdOf(request);
    response.setHeader(REQUEST_ID_HEADER, request_id);
    response.once('close', () => {
      const route = routeOf(request);
      const status = response.writableFinished ? response.statusCode : 499;
      const seconds = (performance.now() - started) / 1_000;
      metrics.httpDuration.observe({ method: methodOf(request), route, status: String(status) }, seconds);
      const level = status < 400 && PROBES.has(route) ? 'debug' : 'info';
      const ms = Math.round(seconds * 1_000);
      const refusal = response.locals['refusal'] as object | undefined;
      log[level]({ request_id, method: methodOf(request), route, status, ms, ...refusal }, 'answered');
    });
    runNamed(request_id, next);
  };
}

/** Keeps the problem that an answer carries, for the line in the log. */
export function noteRefusal(
  response: Response,
  refusal: { readonly code: string; readonly instance: string },
): void {
  response.locals['refusal'] = refusal;
}

function routeOf(request: Request): string {
  const path: unknown = (request.route as { path?: unknown } | undefined)?.path;
  return typeof path === 'string' && path.startsWith('/') && !path.includes('*') ? path : 'unmatched';
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE']);

function methodOf(request: Request): string {
  return METHODS.has(request.method) ? request.method : 'OTHER';
}
