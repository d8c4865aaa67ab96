import type { Response } from 'express';

import { KeyturnError, type ErrorCode } from '../../../domain/errors.ts';
import { statusOf } from '../../../contract/statuses.ts';

/** What is wrong, in the words of RFC 7644 section 3.12. */
export type ScimType =
  | 'invalidFilter'
  | 'invalidPath'
  | 'invalidSyntax'
  | 'invalidValue'
  | 'mutability'
  | 'noTarget'
  | 'uniqueness';

const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';
const SECONDS_DEFAULT = 2;

/** A refusal of what a provisioning client sent. */
export function scimRefusal(scimType: ScimType, message: string): KeyturnError {
  const code: ErrorCode = scimType === 'uniqueness' ? 'already_exists' : 'invalid_request';
  return new KeyturnError(code, message, { scimType });
}

/** True for paths whose callers expect errors in the form of SCIM. */
export function isScimPath(path: string): boolean {
  return /^\/scim(?:[/?]|$)/i.test(path);
}

/** Answers a refusal in the form of SCIM. */
export function sendScimError(response: Response, refusal: KeyturnError): void {
  const status = statusOf(refusal.code);
  const scimType =
    refusal.facts['scimType'] ?? (refusal.code === 'invalid_json' ? 'invalidSyntax' : undefined);
  if (status === 401 && !response.hasHeader('WWW-Authenticate'))
    response.setHeader('WWW-Authenticate', 'Bearer');
  if (status === 429 || status === 503) {
    const seconds = Number(refusal.facts['retryAfterSeconds'] ?? SECONDS_DEFAULT);
    response.setHeader('Retry-After', String(Math.max(1, Math.ceil(seconds))));
  }
  const body = {
    schemas: [ERROR_SCHEMA],
    status: String(status),
    ...(scimType === undefined ? {} : { scimType }),
    detail: refusal.message,
  };
  response.status(status).type('application/scim+json').send(JSON.stringify(body));
}
