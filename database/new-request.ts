import type { SignedRequest } from '../domain/crypto/envelope.ts';
import type { RequestRow } from './tables.ts';

/** The row of a request of which only what was signed is known. Version 0 says that nobody wrote it. */
export function newRequest(
  signed: SignedRequest,
  { envelope, environment }: Pick<RequestRow, 'envelope' | 'environment'>,
): RequestRow {
  const [requester] = signed.lineage;
  const issuedAt = new Date(signed.issued_at);
  return {
    id: signed.id,
    envelope,
    action: signed.action,
    schema_version: signed.schema_version,
    target: signed.target,
    environment,
    mode: signed.mode,
    intent_digest: signed.intent_digest,
    lineage: signed.lineage,
    requester_issuer: requester?.issuer ?? '',
    requester_subject: requester?.subject ?? '',
    creation_policy_digest: signed.policy_digest,
    created_at: issuedAt,
    updated_at: issuedAt,
    run_id: '',
    status: 'planning',
    denied_by: null,
    round: 0,
    plan_digest: null,
    decision_digest: null,
    requirement: null,
    risk: null,
    risk_reasons: null,
    matched_rules: null,
    summary: null,
    open_selectors: [],
    pending_since: null,
    first_pending_at: null,
    expires_at: null,
    clocks: null,
    failure: null,
    result: null,
    shortage: null,
    is_break_glass: false,
    held_until: null,
    owner_key: null,
    version: '0',
  };
}
