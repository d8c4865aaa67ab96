/**
 * Every refusal the product can raise, by stable code. The code is the contract: callers switch on it, messages may
 * be reworded. The HTTP status of each is in `contract/http-statuses.ts`.
 */
export type ErrorCode =
  | 'invalid_json'
  | 'invalid_request'
  | 'idempotency_key_missing'
  | 'idempotency_key_invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'csrf_refused'
  | 'sign_in_again'
  | 'machine_cannot_decide'
  | 'self_approval'
  | 'reviewer_unknown'
  | 'reviewer_inactive'
  | 'not_eligible'
  | 'grade_too_low'
  | 'acts_for_nobody'
  | 'requester_inactive'
  | 'switched_off'
  | 'not_found'
  | 'method_not_allowed'
  | 'not_acceptable'
  | 'use_withdraw'
  | 'request_not_pending'
  | 'request_finished'
  | 'request_executing'
  | 'request_expired'
  | 'decision_digest_stale'
  | 'not_in_batch'
  | 'view_digest_stale'
  | 'already_decided'
  | 'unknown_decision'
  | 'not_your_decision'
  | 'already_taken_back'
  | 'take_back_invalid'
  | 'on_call_unknown'
  | 'switch_lifted'
  | 'already_exists'
  | 'proposals_full'
  | 'too_many_keys'
  | 'too_many_questions'
  | 'already_answered'
  | 'account_taken'
  | 'passkey_invalid'
  | 'passkey_needed'
  | 'proof_invalid'
  | 'gate_answer_expired'
  | 'body_too_large'
  | 'too_many_members'
  | 'unsupported_media_type'
  | 'unknown_action'
  | 'unknown_target'
  | 'target_removed'
  | 'unknown_agent'
  | 'unknown_policy'
  | 'arguments_invalid'
  | 'not_canonical'
  | 'idempotency_key_reused'
  | 'reason_required'
  | 'view_digest_missing'
  | 'defer_invalid'
  | 'hand_over_invalid'
  | 'mode_unsupported'
  | 'break_glass_unavailable'
  | 'start_invalid'
  | 'rate_limited'
  | 'over_budget'
  | 'too_many_proposals'
  | 'internal'
  | 'plan_altered'
  | 'unavailable'
  | 'envelope_invalid'
  | 'envelope_expired'
  | 'envelope_replayed'
  | 'policy_invalid'
  | 'plan_refused'
  | 'plan_failed'
  | 'policy_active'
  | 'illegal_move'
  | 'foreign_run';

/** A refusal with a stable code. Its message is shown to callers: it never carries secrets or data of a target. */
export class KeyturnError extends Error {
  readonly code: ErrorCode;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'KeyturnError';
    this.code = code;
    this.facts = facts;
  }
}

/** True for a `KeyturnError`, also one made by another copy of this module (bundles, test runners). */
export function isKeyturnError(error: unknown): error is KeyturnError {
  return error instanceof Error && error.name === 'KeyturnError' && 'code' in error && 'facts' in error;
}
