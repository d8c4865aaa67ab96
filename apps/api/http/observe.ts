import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';

import type { Metrics } from './metrics.ts';

/** Asked every few seconds by whatever supervises this process: worth a line only when the answer is no. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

/** Logs and measures every answer by its route template: addresses, headers and bodies stay out. */
export function observe(log: Logger, metrics: Metrics) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const started = performance.now();
    response.once('close', () => {
      const route = routeOf(request);
      const status = response.writableFinished ? response.statusCode : 499;
      const seconds = (performance.now() - started) / 1_000;
      metrics.httpDuration.observe({ method: methodOf(request), route, status: String(status) }, seconds);
      const level = status < 400 && PROBES.has(route) ? 'debug' : 'info';
      log[level]({ method: methodOf(request), route, status, ms: Math.round(seconds * 1_000) }, 'answered');
    });
    next();
  };
}

function routeOf(request: Request): string {
  const path: unknown = (request.route as { path?: unknown } | undefined)?.path;
  return typeof path === 'string' && path.startsWith('/') && !path.includes('*') ? path : 'unmatched';
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE']);

function methodOf(request: Request): string {
  return METHODS.has(request.method) ? request.method : 'OTHER';
}
