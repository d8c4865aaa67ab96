import type { ErrorCode } from '../domain/errors.ts';

/** What a client does about each code that it may be answered with. A test compares it with the operations. */
export const ADVICE: Partial<Readonly<Record<ErrorCode, string>>> = {
  invalid_json: 'Correct the body: it is one whole JSON text in UTF-8.',
  invalid_request: 'Correct what `errors` names, by its place.',
  idempotency_key_missing: 'Send exactly one `Idempotency-Key`.',
  idempotency_key_invalid: 'Make the key 1 to 256 characters without control characters, e.g. a UUID.',
  envelope_invalid:
    'Do not repeat: what is stored is not what was signed. Give an operator `instance` and `request_id`.',
  unauthenticated:
    'Get a new token and repeat. `WWW-Authenticate` says what is wrong with this one, and where people sign in.',
  forbidden: 'Do not repeat: ask somebody who may.',
  csrf_refused:
    'Call from a page of Keyturn itself, with the `csrf_token` of `GET /v1/session` in `X-CSRF-Token`.',
  sign_in_again:
    'Let the person sign in with a browser (`/sign-in?prompt=login`), and repeat with that session within ten minutes.',
  machine_cannot_decide:
    'Let a person sign in and make this call. `detail` says why this token is not one of a person.',
  self_approval: 'Let somebody else decide, who is not behind the request.',
  reviewer_unknown: 'Have the account added to the directory.',
  reviewer_inactive: 'Do not repeat: the person is deactivated in the directory.',
  not_eligible: 'Let one of those decide whom `may_decide` of the request names.',
  grade_too_low: 'Decide by a way that gives the evidence grade which the request asks for.',
  acts_for_nobody: 'Name the person for whom the agent acts: in its token (`act`), or in `on_behalf_of`.',
  requester_inactive: 'Do not repeat: somebody behind the request is deactivated in the directory.',
  switched_off: 'Wait: a kill switch stops this. Ask an operator.',
  not_found: 'Check the address. What you may not see is answered like what does not exist.',
  method_not_allowed: 'Use a method that `Allow` names.',
  use_withdraw: 'Withdraw the request instead of denying it: you are behind it.',
  request_not_pending: 'Read the request again: it does not wait for a decision now.',
  request_finished: 'Do not repeat: the request is over. Ask for the action with a new key.',
  request_executing: 'Wait for the outcome: the action is running and can no longer be stopped here.',
  request_expired: 'Ask for the action again with a new key.',
  decision_digest_stale:
    'Read the request again, show the reviewer what changed, and decide on the new digest.',
  not_in_batch: 'Open the request, show all of it to the reviewer, and decide on it alone.',
  view_digest_stale:
    'Load the card again (`GET /v1/requests/{id}/card`), show it, and decide with its `view_digest`.',
  already_decided: 'Nothing is to do: this person has decided already, and can take an approval back.',
  unknown_decision:
    'Read the request again: `takes_back` names a decision that was counted in its current round. One that is queued is counted first.',
  not_your_decision: 'Let its own person take it back, or deny the request.',
  already_taken_back: 'Nothing is to do: it was taken back, and this person can decide again.',
  take_back_invalid: 'Send `takes_back` with the verdict take_back alone, and name an approval.',
  on_call_unknown: 'Repeat later: it is not known now who is on call.',
  switch_lifted: 'Nothing is to do: it is released. To engage another kill switch take a new key.',
  proposals_full: 'Tell an operator: old proposals have to be deleted.',
  proof_invalid:
    'Begin a proof again (`POST /v1/requests/{id}/proofs`), and send what the passkey signs over its `challenge`.',
  too_many_keys: 'Revoke a key of this agent, or a passkey, that nothing uses any more.',
  too_many_questions: 'Decide with the answers that there are, or talk to the people behind the request.',
  already_answered: 'Read the answer that stands. Only a new question can be answered again.',
  account_taken:
    'Link another account: this one is or was somebody’s. Where one person has two entries, operators merge them in the directory.',
  passkey_invalid:
    'Begin the registration again (`POST /v1/passkeys/registrations`): `detail` says what was wrong.',
  passkey_needed:
    'Confirm with a passkey that the person has. Where they have none any more, two operators begin a recovery.',
  gate_answer_expired: 'Ask again with a new key: the answer of this one is no longer valid.',
  foreign_run: 'Tell an operator: something other than Keyturn took the id of this request in Temporal.',
  body_too_large: 'Send less: `detail` names the limit.',
  unsupported_media_type: 'Send `Content-Type: application/json` in UTF-8, not compressed.',
  unknown_action: 'Choose an action of `GET /v1/actions`.',
  unknown_target: 'Choose a target of `GET /v1/targets`.',
  unknown_agent: 'Name an agent by its id in the directory, or as `ISSUER SUBJECT`.',
  unknown_policy: 'Propose the policy first (`POST /v1/policies`).',
  arguments_invalid: 'Correct the arguments by what `errors` names: `GET /v1/actions` has their schema.',
  not_canonical: 'Send values that JSON can carry exactly: `detail` says which cannot be.',
  idempotency_key_reused: 'Take a new key: this one belongs to another call.',
  view_digest_missing:
    'Send the `view_digest` of the card that the person was shown: a session of a browser decides on what it shows.',
  reason_required: 'Ask the person for a reason and send it.',
  defer_invalid: 'Correct `defer`: either `until`, an instant to come, or `to`, a selector.',
  hand_over_invalid: 'Hand over to a selector that the request requires.',
  mode_unsupported: 'Send the `mode` that `GET /v1/actions` names for the action.',
  break_glass_unavailable: 'Ask without `break_glass`: policy has no break-glass path for this.',
  start_invalid: 'Correct `start`: `not_after` lies in the future and after `not_before`.',
  policy_invalid:
    'Do not repeat: the stored policy is damaged. Give an operator `instance` and `request_id`.',
  rate_limited: 'Wait as long as `Retry-After` says, then repeat.',
  over_budget: 'Wait as long as `Retry-After` says, or withdraw requests that are not needed.',
  too_many_proposals: 'Wait, or ask for one of your proposals to be published.',
  internal: 'Repeat once with the same key. If it stays, give an operator `instance` and `request_id`.',
  plan_altered: 'Do not repeat: a stored plan was changed. Give an operator `instance` and `request_id`.',
  unavailable: 'Repeat the same call with the same key, after `Retry-After`.',
};
