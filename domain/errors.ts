/**
 * Every refusal the product can raise, by stable code. The code is the contract: callers switch on it, messages may
 * be reworded. HTTP status is chosen at the edge (`statusOf`), so the domain knows nothing of HTTP beyond that table.
 */
const STATUS_BY_CODE = {
  invalid_json: 400,
  invalid_request: 400,
  idempotency_key_missing: 400,
  idempotency_key_invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  machine_cannot_decide: 403,
  self_approval: 403,
  reviewer_unknown: 403,
  reviewer_inactive: 403,
  not_eligible: 403,
  grade_too_low: 403,
  acts_for_nobody: 403,
  requester_inactive: 403,
  switched_off: 403,
  not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  use_withdraw: 409,
  request_not_pending: 409,
  request_finished: 409,
  request_executing: 409,
  request_expired: 409,
  decision_digest_stale: 409,
  already_decided: 409,
  on_call_unknown: 409,
  switch_lifted: 409,
  already_exists: 409,
  proposals_full: 409,
  gate_answer_expired: 409,
  body_too_large: 413,
  too_many_members: 413,
  unsupported_media_type: 415,
  unknown_action: 422,
  unknown_target: 422,
  target_removed: 409,
  unknown_agent: 422,
  unknown_policy: 422,
  arguments_invalid: 422,
  not_canonical: 422,
  idempotency_key_reused: 422,
  reason_required: 422,
  defer_invalid: 422,
  hand_over_invalid: 422,
  mode_unsupported: 422,
  break_glass_unavailable: 422,
  start_invalid: 422,
  rate_limited: 429,
  over_budget: 429,
  too_many_proposals: 429,
  internal: 500,
  plan_altered: 500,
  unavailable: 503,
  envelope_invalid: 400,
  envelope_expired: 409,
  envelope_replayed: 409,
  policy_invalid: 422,
  plan_refused: 422,
  plan_failed: 502,
  policy_active: 409,
  illegal_move: 409,
  foreign_run: 409,
} as const;

/** A stable error code of the product. */
export type ErrorCode = keyof typeof STATUS_BY_CODE;

/** The HTTP status that belongs to a code. */
export function statusOf(code: ErrorCode): number {
  return STATUS_BY_CODE[code];
}

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
