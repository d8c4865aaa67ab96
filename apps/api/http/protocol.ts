import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

import { KeyturnError } from '../../../domain/errors.ts';
import type { Operation } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';

/** Hands calls to the application that the server would answer itself, without request id and problem body. */
export function handOver(server: Server): void {
  // RFC 9110 section 10.1.1 lets a server ignore an expectation that it does not know.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
  // `refuseHosts` checks it instead. The types have this for the constructor alone, which the framework calls.
  Object.assign(server, { requireHostHeader: false });
}

/** Refuses a call that two servers in a row could take for calls to different hosts (RFC 9112 section 3.2). */
export function refuseHosts(request: Request, _response: Response, next: NextFunction): void {
  const hosts = request.headersDistinct['host']?.length ?? 0;
  const isWrong = hosts > 1 || (hosts === 0 && request.httpVersion !== '1.0');
  next(isWrong ? new KeyturnError('invalid_request', 'Send exactly one Host header.') : undefined);
}

/** Only routes with an ETag answer 304, by themselves: the framework would for every call with `If-None-Match: *`. */
export function neverFresh(request: Request, _response: Response, next: NextFunction): void {
  Object.defineProperty(request, 'fresh', { value: false });
  next();
}

const QUERIES: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.values<Operation>(OPERATIONS)
    .filter(({ readers }) => readers !== 'anybody')
    .map(({ method, path, query }) => [
      `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
      new Set(Object.keys(query?.shape ?? {})),
    ]),
);

/** Refuses parameters that an operation does not have: a call with `?dry_run=true` must not be executed for real. */
export class QueryReader implements NestInterceptor {
  intercept(execution: ExecutionContext, next: CallHandler): ReturnType<CallHandler['handle']> {
    const request = execution.switchToHttp().getRequest<Request>();
    const { path } = request.route as { readonly path: string };
    const method = request.method === 'HEAD' ? 'get' : request.method.toLowerCase();
    const known = QUERIES.get(`${method} ${path.replace(/(?<=.)\/$/, '')}`);
    const unknown = known ? Object.keys(request.query).filter((name) => !known.has(name)) : [];
    if (unknown.length > 0)
      throw new KeyturnError(
        'invalid_request',
        'The URL has query parameters that this operation does not have: see `errors`.',
        {
          errors: unknown
            .slice(0, 20)
            .map((name) => ({ path: `/${name.slice(0, 100)}`, message: 'There is no such parameter.' })),
        },
      );
    return next.handle();
  }
}
