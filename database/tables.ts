import { EntitySchema } from 'typeorm';

import type { Clocks } from '../domain/calendar/clock.ts';
import type { OwnerKey } from '../domain/policy/fact-declarations.ts';
import type { Lineage } from '../domain/identity/identity.ts';
import type { JsonValue } from '../domain/crypto/canonical-json.ts';
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
  at: Date;
  grade: EvidenceGrade;
  seats: readonly SeatReference[];
  reviewer_issuer: string;
  reviewer_subject: string;
  channel: 'api' | 'cli' | 'temporal';
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

export const requestTable = new EntitySchema<RequestRow>({
  name: 'request',
  schema: 'keyturn',
  columns: {
    id: { type: 'text', primary: true },
    run_id: { type: 'text' },
    envelope: { type: 'text' },
    action: { type: 'text' },
    schema_version: { type: 'int' },
    target: { type: 'text' },
    environment: { type: 'text' },
    mode: { type: 'text' },
    intent_digest: { type: 'text' },
    lineage: { type: 'jsonb' },
    requester_issuer: { type: 'text' },
    requester_subject: { type: 'text' },
    creation_policy_digest: { type: 'text' },
    status: { type: 'text' },
    denied_by: { type: 'text', nullable: true },
    round: { type: 'int' },
    plan_digest: { type: 'text', nullable: true },
    decision_digest: { type: 'text', nullable: true },
    requirement: { type: 'jsonb', nullable: true },
    risk: { type: 'text', nullable: true },
    risk_reasons: { type: 'jsonb', nullable: true },
    matched_rules: { type: 'jsonb', nullable: true },
    summary: { type: 'text', nullable: true },
    open_selectors: { type: 'text', array: true },
    pending_since: { type: 'timestamptz', nullable: true },
    first_pending_at: { type: 'timestamptz', nullable: true },
    expires_at: { type: 'timestamptz', nullable: true },
    clocks: { type: 'jsonb', nullable: true },
    failure: { type: 'jsonb', nullable: true },
    result: { type: 'jsonb', nullable: true },
    shortage: { type: 'jsonb', nullable: true },
    is_break_glass: { type: 'boolean' },
    held_until: { type: 'timestamptz', nullable: true },
    owner_key: { type: 'jsonb', nullable: true },
    created_at: { type: 'timestamptz' },
    updated_at: { type: 'timestamptz' },
    version: { type: 'bigint' },
  },
});

export const planTable = new EntitySchema<PlanRow>({
  name: 'plan',
  schema: 'keyturn',
  columns: {
    request: { type: 'text', primary: true },
    digest: { type: 'text', primary: true },
    body: { type: 'jsonb' },
    made_at: { type: 'timestamptz' },
    alike: { type: 'text', array: true },
  },
});

export const decisionTable = new EntitySchema<DecisionRow>({
  name: 'decision',
  schema: 'keyturn',
  columns: {
    id: { type: 'text', primary: true },
    request: { type: 'text' },
    round: { type: 'int' },
    renewal: { type: 'int' },
    person: { type: 'text', nullable: true },
    verdict: { type: 'text' },
    at: { type: 'timestamptz' },
    grade: { type: 'text' },
    seats: { type: 'jsonb' },
    reviewer_issuer: { type: 'text' },
    reviewer_subject: { type: 'text' },
    channel: { type: 'text' },
    envelope: { type: 'text' },
    reason: { type: 'text', nullable: true },
    defer_until: { type: 'timestamptz', nullable: true },
    defer_to: { type: 'text', nullable: true },
    outcome: { type: 'text' },
    refusal: { type: 'text', nullable: true },
    recorded_at: { type: 'timestamptz' },
  },
});

export const executionTable = new EntitySchema<ExecutionRow>({
  name: 'execution',
  schema: 'keyturn',
  columns: {
    request: { type: 'text', primary: true },
    attempt: { type: 'int', primary: true },
    idempotency_key: { type: 'text' },
    decision_digest: { type: 'text' },
    state: { type: 'text' },
    transaction_id: { type: 'text', nullable: true },
    claimed_at: { type: 'timestamptz' },
    settled_at: { type: 'timestamptz', nullable: true },
    outcome: { type: 'jsonb', nullable: true },
  },
});

/** All tables that processes map. */
export const tables = [requestTable, planTable, decisionTable, executionTable] as const;
