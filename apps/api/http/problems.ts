import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';

import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';

import { driverCode, isRefusedByDatabase, LOCK_TIMED_OUT } from '../../../database/refusals.ts';
import { isKeyturnError, KeyturnError } from '../../../domain/errors.ts';
import { statusOf } from '../../../contract/http-statuses.ts';
import type { Problem } from '../../../contract/problem.ts';
import { isScimPath, scimErrorOf } from './scim-errors.ts';
import { allowedMethods } from './allowed-methods.ts';
import { escape, htmlPage, isPage } from './html.ts';
import type { Metrics } from './metrics.ts';
import { noteRefusal } from './observe.ts';
import { currentRequestId } from './request-id.ts';

const RETRY_AFTER_SECONDS = 2;

/** Answers every error as a problem (RFC 9457) that reveals no internals. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #publicUrl: string;

  constructor(log: Logger, metrics: Metrics, publicUrl: string) {
    this.#publicUrl = publicUrl;
    this.#log = log;
    this.#metrics = metrics;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const response = http.getResponse<Response>();
    const request = http.getRequest<Request>();
    const refusal = refusalOf(error, request);
    const { method } = request;
    const instance = note({ log: this.#log, metrics: this.#metrics }, { error, refusal, method });
    noteRefusal(response, { code: refusal.code, instance });
    const { allowed } = refusal.facts;
    if (response.headersSent) return void response.destroy();
    if (typeof allowed === 'string') response.setHeader('Allow', allowed);
    setAdvice(response, refusal);
    if (isPage(request)) sendPage(response, refusal, this.#publicUrl);
    else if (isScimPath(request.originalUrl)) send(response, refusal, ['scim', scimErrorOf(refusal)]);
    else send(response, refusal, ['problem', problemOf(refusal, instance)]);
  }
}

interface Noting {
  readonly log: Logger;
  readonly metrics: Metrics;
}

interface Failed {
  readonly error: unknown;
  readonly refusal: KeyturnError;
  readonly method: string;
}

/**
 * Counts an error. Of a fault, logs the class and stack, and never its message, which may quote what a caller sent. Answers
 * what names the error in the log.
 */
function note({ log, metrics }: Noting, { error, refusal, method }: Failed): string {
  const instance = `urn:uuid:${randomUUID()}`;
  metrics.problems.inc({ code: refusal.code });
  if (statusOf(refusal.code) < 500) return instance;
  const name = error instanceof Error ? error.name : typeof error;
  const stack = error instanceof Error ? framesOf(error) : [];
  const code = isKeyturnError(error) ? error.code : driverCode(error);
  log.error({ instance, method, error: name, code, stack }, 'request failed');
  return instance;
}

/** The problem of one part of a POST, whose other parts it does not fail. */
export function problemOfPart(noting: Noting, error: unknown): Problem {
  const refusal = failureOf(error);
  return problemOf(refusal, note(noting, { error, refusal, method: 'POST' }));
}

function framesOf(error: Error): readonly string[] {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8);
}

/** Where to get a token, and when to try again. */
function setAdvice(response: Response, refusal: KeyturnError): void {
  const status = statusOf(refusal.code);
  if (status === 401 && !response.hasHeader('WWW-Authenticate'))
    response.setHeader('WWW-Authenticate', 'Bearer');
  if (status === 429 || status === 503) {
    const seconds = Number(refusal.facts['retryAfterSeconds'] ?? RETRY_AFTER_SECONDS);
    response.setHeader('Retry-After', String(Math.max(1, Math.ceil(seconds))));
  }
}

function send(response: Response, refusal: KeyturnError, [form, body]: [form: string, body: object]): void {
  response.status(statusOf(refusal.code)).type(`application/${form}+json`).send(JSON.stringify(body));
}

/** For people: what is wrong, and the way back. */
function sendPage(response: Response, refusal: KeyturnError, publicUrl: string): void {
  const body = `<p>${escape(refusal.message)}</p><p><a href="${escape(publicUrl)}/sign-in">Sign in</a></p>`;
  response.status(statusOf(refusal.code)).type('html').send(htmlPage('That did not work', body));
}

/** The problem body of a refusal. */
export function problemOf(refusal: KeyturnError, instance: string): Problem {
  const status = statusOf(refusal.code);
  const errors = refusal.facts['errors'] as Problem['errors'];
  const requestId = currentRequestId();
  return {
    type: `urn:keyturn:error:${refusal.code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code: refusal.code,
    detail: refusal.message,
    instance,
    ...(requestId === undefined ? {} : { request_id: requestId }),
    ...(errors ? { errors } : {}),
  };
}

/** What a caller may know of any error. */
function refusalOf(error: unknown, request: Request): KeyturnError {
  if (isKeyturnError(error)) return error;
  const status = clientStatus(error);
  if (status === 404) return nothingHere(request);
  const code = status === 413 ? 'body_too_large' : 'invalid_request';
  if (status !== null) return new KeyturnError(code, 'The request cannot be read.');
  return failureOf(error);
}

/** The same where the call itself was read. */
function failureOf(error: unknown): KeyturnError {
  if (isKeyturnError(error)) return error;
  if (isRefusedByDatabase(error)) return new KeyturnError('unavailable', CHANGED_MEANWHILE);
  if (driverCode(error) === LOCK_TIMED_OUT)
    return new KeyturnError('unavailable', 'What this is about is being worked on. Try again.');
  if (isDatabaseAway(error)) {
    return new KeyturnError('unavailable', 'The database is unavailable. Try again.');
  }
  return new KeyturnError(
    'internal',
    'Something went wrong inside Keyturn. Search the log for the value of `instance`.',
  );
}

const CHANGED_MEANWHILE =
  'People, groups or policy changed during this call, so nothing was done. Try again; if the call is refused then, the answer says why.';

/** Errors of the framework carry a status; 4xx means that the request itself could not be read. */
function clientStatus(error: unknown): number | null {
  const status =
    error instanceof HttpException ? error.getStatus() : (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}

/** No route matched the call: there is none at this URL, or none for this method. */
function nothingHere(request: Request): KeyturnError {
  const allowed = allowedMethods(request).join(', ');
  if (allowed === '') return new KeyturnError('not_found', 'There is nothing at this URL.');
  return new KeyturnError('method_not_allowed', `This URL accepts only ${allowed}.`, { allowed });
}

const AWAY_CODES =
  /^(08\w{3}|57P0[123]|53[34]00|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/;
const AWAY_MESSAGES =
  /connection terminated|timeout exceeded when trying to connect|not queryable|client was closed/i;

function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return isFatal(error) || AWAY_CODES.test(driverCode(error) ?? '') || AWAY_MESSAGES.test(error.message);
}

/** PostgreSQL ended or refused the whole session: the statement itself was not at fault. */
function isFatal(error: Error): boolean {
  const { severity, driverError } = error as { severity?: unknown; driverError?: { severity?: unknown } };
  return (driverError?.severity ?? severity) === 'FATAL';
}
