import type { Clocks } from '../domain/calendar/clock.ts';
import type { OwnerKey } from '../domain/policy/fact-declarations.ts';
import type { Lineage } from '../domain/identity/identity.ts';
import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import type { DECISION_CHANNELS } from '../domain/crypto/envelope.ts';
import type { StoredPlan } from '../domain/request/plan.ts';
import type { SeatReference, Verdict } from '../domain/approval/quorum.ts';
import type { Shortage } from '../domain/approval/satisfiable.ts';
import type { RequestMode, RequestStatus } from '../domain/request/status.ts';
import type { EvidenceGrade, Requirement, RiskTier } from '../domain/request/requirement.ts';

/** Why a request failed: a class for everybody, a detail for reviewers and operators. */
export interface RequestFailure {
  readonly code: string;
  readonly detail: string;
}

/** A rule that matched, with its location in the policy files. */
export interface MatchedRule {
  readonly id: string;
  readonly source: string;
  readonly because: string | null;
}

/** One request as it stands. Written by the worker only. */
export interface RequestRow {
  id: string;
  run_id: string;
  envelope: string;
  action: string;
  schema_version: number;
  target: string;
  environment: string;
  mode: RequestMode;
  intent_digest: string;
  lineage: Lineage;
  requester_issuer: string;
  requester_subject: string;
  creation_policy_digest: string;
  status: RequestStatus;
  denied_by: 'person' | 'policy' | null;
  round: number;
  plan_digest: string | null;
  decision_digest: string | null;
  requirement: Requirement | null;
  risk: RiskTier | null;
  risk_reasons: readonly string[] | null;
  matched_rules: readonly MatchedRule[] | null;
  summary: string | null;
  open_selectors: string[];
  pending_since: Date | null;
  first_pending_at: Date | null;
  expires_at: Date | null;
  /** Business time from when the round opened to its expiry; null when no rule has a clock. */
  clocks: Clocks | null;
  failure: RequestFailure | null;
  result: JsonValue | null;
  /** Rules that too few people can satisfy; null when every rule can be. */
  shortage: readonly Shortage[] | null;
  is_break_glass: boolean;
  /** While it is approved: it does not start before this instant. */
  held_until: Date | null;
  /** What its owners are looked up by, from the arguments; null where the action looks none up. */
  owner_key: OwnerKey | null;
  created_at: Date;
  updated_at: Date;
  version: string;
}

/** A plan, by the digest it travels as. */
export interface PlanRow {
  request: string;
  digest: string;
  body: StoredPlan;
  made_at: Date;
  /** Digests that plans of the same share, however that was written. */
  alike: readonly string[];
}

/** A decision with a valid signature, whether it counted or was refused. */
export interface DecisionRow {
  id: string;
  request: string;
  round: number;
  renewal: number;
  person: string | null;
  verdict: Verdict;
  /** Of take_back: the approval that it takes back. */
  takes_back: string | null;
  at: Date;
  grade: EvidenceGrade;
  seats: readonly SeatReference[];
  reviewer_issuer: string;
  reviewer_subject: string;
  channel: (typeof DECISION_CHANNELS)[number];
  envelope: string;
  reason: string | null;
  defer_until: Date | null;
  defer_to: string | null;
  outcome: 'counted' | 'refused';
  refusal: string | null;
  recorded_at: Date;
}

/** One claim to execute an approved action. */
export interface ExecutionRow {
  request: string;
  attempt: number;
  idempotency_key: string;
  decision_digest: string;
  state: 'claimed' | 'succeeded' | 'failed' | 'released' | 'not_done' | 'indeterminate';
  transaction_id: string | null;
  claimed_at: Date;
  settled_at: Date | null;
  outcome: JsonValue | null;
}

/** A table of the schema `keyturn`, by the columns that the programs know. */
export interface Table<Row> {
  readonly name: string;
  readonly columns: readonly (keyof Row & string)[];
  /** Those of JSON: the driver would write a list as an array of the database. */
  readonly json: readonly string[];
}

export const requestTable = tableOf<RequestRow>('request', {
  json: 'lineage requirement risk_reasons matched_rules clocks failure result shortage owner_key',
  other: `id run_id envelope action schema_version target environment mode intent_digest requester_issuer
    requester_subject creation_policy_digest status denied_by round plan_digest decision_digest risk summary
    open_selectors pending_since first_pending_at expires_at is_break_glass held_until created_at updated_at version`,
});

export const planTable = tableOf<PlanRow>('plan', { json: 'body', other: 'request digest made_at alike' });

export const decisionTable = tableOf<DecisionRow>('decision', {
  json: 'seats',
  other: `id request round renewal person verdict takes_back at grade reviewer_issuer reviewer_subject channel envelope reason
    defer_until defer_to outcome refusal recorded_at`,
});

export const executionTable = tableOf<ExecutionRow>('execution', {
  json: 'outcome',
  other: 'request attempt idempotency_key decision_digest state transaction_id claimed_at settled_at',
});

/** A table of the schema `keyturn`; its columns are named with spaces between them. */
export function tableOf<Row>(name: string, { json, other }: Record<'json' | 'other', string>): Table<Row> {
  return { name: `keyturn.${name}`, columns: words(`${json} ${other}`), json: words(json) };
}

function words<Word extends string>(text: string): readonly Word[] {
  return text.split(/\s+/) as Word[];
}
