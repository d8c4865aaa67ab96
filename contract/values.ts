import { z } from 'zod';

import { REQUEST_STATUSES } from '../domain/request/status.ts';

/** Values that many bodies and answers hold. Each says its unit or shape after what it means. */

/** What a time that is refused lacks, mostly. */
export const ZONED = 'RFC 3339 with a time zone, such as 2026-11-30T12:00:00Z';

/** An instant as it is answered. */
export function instant(meaning: string) {
  return z.iso.datetime({ precision: 3 }).describe(`${meaning}. RFC 3339, UTC, milliseconds`);
}

/** An instant of the audit log, whose fraction of a second may have other lengths. */
export function logInstant(meaning: string) {
  return z.iso.datetime().describe(`${meaning}. RFC 3339, UTC`);
}

export function digest(meaning: string) {
  return z.string().describe(`${meaning}. \`sha256:\` and 64 hex digits`);
}

export function milliseconds(meaning: string) {
  return z.int().describe(`${meaning}. Milliseconds`);
}

export function text(meaning: string) {
  return z.string().describe(meaning);
}

export function texts(meaning: string) {
  return z.array(z.string()).describe(meaning);
}

export function count(meaning: string) {
  return z.int().describe(meaning);
}

export function flag(meaning: string) {
  return z.boolean().describe(meaning);
}

const SELECTOR = '`owners`, `group:NAME`, `user:NAME` or `oncall:NAME`';

export function selector(meaning: string) {
  return z.string().describe(`${meaning}: ${SELECTOR}`);
}

export function selectors(meaning: string) {
  return z.array(z.string().describe(SELECTOR)).describe(meaning);
}

export const statusSchema = z.enum(REQUEST_STATUSES as [(typeof REQUEST_STATUSES)[number]]);
export const riskSchema = z.enum(['low', 'medium', 'high', 'critical']);
export const verdictSchema = z.enum(['approve', 'deny', 'defer', 'take_back']);
export const decisionIdSchema = z.string().regex(/^dec_[a-z2-7]{26}$/, 'must be `dec_` and 26 characters');
export const gradeSchema = z
  .enum(['A', 'B', 'C', 'D'])
  .describe(
    'How strong the evidence of a decision is. A: a passkey signed it; B: the person signed in again to make it; C: a signed-in session, a ticket or a chat; D: none',
  );
export const modeSchema = z
  .enum(['execute', 'lease', 'gate'])
  .describe(
    'execute: Keyturn performs the action; gate: Keyturn decides, and performs nothing; lease: reserved, no action takes it yet',
  );

/** The id of a request. */
export const requestIdSchema = z
  .string()
  .regex(/^req_[a-z2-7]{26}$/, 'must be `req_` and 26 characters')
  .describe('Id of a request: `req_` and 26 characters');

/** How many items a page has at most. */
export function pageLimit(byDefault: number) {
  return z
    .string()
    .regex(/^\d{1,3}$/, 'must be 1 to 100')
    .transform(Number)
    .pipe(z.int().min(1).max(100))
    .optional()
    .describe(`Items of a page at most, 1 to 100. Without it: ${byDefault}`);
}

export const pageCursor = z
  .string()
  .min(1)
  .max(200)
  .optional()
  .describe('`next_cursor` of the page before, as it is. Without it: the first page');

export const nextCursor = z
  .string()
  .nullable()
  .describe('Send it as `cursor` for the next page. Null: this is the last one');
