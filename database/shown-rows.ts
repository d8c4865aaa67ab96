import { z } from 'zod';

import { canonicalJson } from '../domain/crypto/canonical-json.ts';
import type { ShownDecision, ShownRow } from '../contract/evidence.ts';
import type { DecisionRow, RequestRow } from './tables.ts';

/** What people are shown of a request beside its plan, as its row has it. */
export function shownRow(row: RequestRow): ShownRow {
  return {
    action: row.action,
    schema_version: row.schema_version,
    target: row.target,
    environment: row.environment,
    mode: row.mode,
    intent_digest: row.intent_digest,
    lineage: plain(row.lineage),
    requested_by: { issuer: row.requester_issuer, subject: row.requester_subject },
    creation_policy: row.creation_policy_digest,
    created_at: readableInstant(row.created_at),
    is_break_glass: row.is_break_glass,
    risk: row.risk,
    risk_reasons: row.risk_reasons && [...row.risk_reasons],
    matched_rules: rulesIn(row.matched_rules),
    summary: row.summary,
    requirement: plain(row.requirement),
    pending_since: instant(row.pending_since),
    expires_at: instant(row.expires_at),
    held_until: instant(row.held_until),
    open_selectors: row.open_selectors,
    result: plain(row.result),
    failure: failureIn(row.failure),
  };
}

/** What people are shown of a decision, as its row has it. */
export function shownDecision(row: DecisionRow): ShownDecision {
  return {
    id: row.id,
    round: row.round,
    person: row.person,
    verdict: row.verdict,
    takes_back: row.takes_back,
    at: readableInstant(row.at),
    grade: row.grade,
    seats: plain(row.seats),
    reviewer: { issuer: row.reviewer_issuer, subject: row.reviewer_subject },
    channel: row.channel,
    reason: row.reason,
    defer_until: instant(row.defer_until),
    defer_to: row.defer_to,
    outcome: row.outcome,
    refusal: row.refusal,
  };
}

function instant(date: Date | null): string | null {
  return date && readableInstant(date);
}

/** Nothing is dated by it: all that it is compared with differs. */
const NO_INSTANT = '0001-01-01T00:00:00.000Z';

/**
 * The instant of a column, RFC 3339 UTC. One without a date, or beyond four digits of years, as only somebody writes it
 * who writes around the steps, is shown as one that nothing is dated by: so that evidence is given, and says so.
 */
export function readableInstant(value: unknown): string {
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) return NO_INSTANT;
  const text = value.toISOString();
  return text.length === NO_INSTANT.length ? text : NO_INSTANT;
}

/** Their ids; what is no list of rules is shown as one that nothing names. */
function rulesIn(rules: unknown): string[] | null {
  if (rules === null) return null;
  const read = matchedSchema.safeParse(rules);
  return read.success ? read.data.map(({ id }) => id) : [UNREADABLE];
}

const matchedSchema = z.array(z.object({ id: z.string() }));

function failureIn(failure: unknown): ShownRow['failure'] {
  if (failure === null) return null;
  const read = failureSchema.safeParse(failure);
  return read.success ? read.data : { code: UNREADABLE, detail: '' };
}

const failureSchema = z.object({ code: z.string(), detail: z.string() });

const UNREADABLE = '(unreadable)';

/** The same value as JSON has it. */
function plain(value: unknown): ShownRow['result'] {
  return JSON.parse(canonicalJson(value)) as ShownRow['result'];
}
