import { KeyturnError, type ErrorCode } from '../../../domain/errors.ts';
import { statusOf } from '../../../contract/http-statuses.ts';

/** What is wrong, in the terms of RFC 7644 section 3.12. */
export type ScimType =
  | 'invalidFilter'
  | 'invalidPath'
  | 'invalidSyntax'
  | 'invalidValue'
  | 'mutability'
  | 'noTarget'
  | 'uniqueness';

const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** A refusal of what a provisioning client sent. */
export function scimRefusal(scimType: ScimType, message: string): KeyturnError {
  const code: ErrorCode = scimType === 'uniqueness' ? 'already_exists' : 'invalid_request';
  return new KeyturnError(code, message, { scimType });
}

/** True for paths whose callers expect errors in the form of SCIM. */
export function isScimPath(path: string): boolean {
  return /^\/scim(?:[/?]|$)/i.test(path);
}

/** A refusal in the form of SCIM. */
export function scimErrorOf(refusal: KeyturnError): object {
  const scimType =
    refusal.facts['scimType'] ?? (refusal.code === 'invalid_json' ? 'invalidSyntax' : undefined);
  return {
    schemas: [ERROR_SCHEMA],
    status: String(statusOf(refusal.code)),
    ...(scimType === undefined ? {} : { scimType }),
    detail: refusal.message,
  };
}
