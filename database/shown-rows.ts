import { canonicalJson } from '../domain/canonical-json.ts';
import type { ShownDecision, ShownRow } from '../domain/wire-evidence.ts';
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
    created_at: row.created_at.toISOString(),
    is_break_glass: row.is_break_glass,
    risk: row.risk,
    risk_reasons: row.risk_reasons && [...row.risk_reasons],
    matched_rules: row.matched_rules?.map(({ id }) => id) ?? null,
    summary: row.summary,
    requirement: plain(row.requirement),
    pending_since: instant(row.pending_since),
    expires_at: instant(row.expires_at),
    held_until: instant(row.held_until),
    open_selectors: row.open_selectors,
    result: plain(row.result),
    failure: row.failure,
  };
}

/** What people are shown of a decision, as its row has it. */
export function shownDecision(row: DecisionRow): ShownDecision {
  return {
    id: row.id,
    round: row.round,
    person: row.person,
    verdict: row.verdict,
    at: row.at.toISOString(),
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
  return date?.toISOString() ?? null;
}

/** The same value as JSON has it. */
function plain(value: unknown): ShownRow['result'] {
  return JSON.parse(canonicalJson(value)) as ShownRow['result'];
}
