import type { EntityManager } from 'typeorm';

import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import type { Digest } from '../../domain/crypto/digest.ts';
import type { GateResult } from '../../domain/execution/gate-validity.ts';
import type { Plan } from '../../domain/request/plan.ts';
import type { Target } from '../../domain/policy/policy.ts';
import type { ConnectorCode } from '../../domain/request/connector-codes.ts';

/** One use of a connector for one request. Arguments were schema-checked by the API and verified by the caller. */
export interface ConnectorCall {
  readonly requestId: string;
  /** The action of the catalogue. */
  readonly action: string;
  /** Who asks, for the target's own logs. Hostile text: the connector escapes it. */
  readonly requester: string;
  /** Whose turn it is where there is little room: the same for all agents of one owner. */
  readonly root: string;
  readonly target: Target;
  readonly arguments: Readonly<Record<string, JsonValue>>;
}

/**
 * Why a plan could not be made. Those behind the request learn `code` at most, if that
 * (`domain/request/connector-codes.ts`); `detail` is for reviewers and operators and never holds secrets.
 */
export interface PlanRefusal {
  readonly kind: 'refused';
  readonly code: ConnectorCode;
  readonly detail: string;
  /** What a server's own error is called, and the name of that, for the log. Hold no data. */
  readonly sqlState?: string;
  readonly cause?: string;
  /** Locks that others may hold, or how the target is set up. Absent: the statement or data decided it. */
  readonly decidedBy?: 'locks' | 'set-up';
}

/** A plan that was made. */
export interface PlannedCall {
  readonly kind: 'planned';
  readonly plan: Plan;
  /** The same for every way to write what was asked. Absent: there is one way only. */
  readonly normalForm?: Digest;
}

/** A plan, or why there is none. A target that cannot be reached is thrown (and tried again), not refused. */
export type PlanOutcome = PlannedCall | PlanRefusal;

/** An approved call. */
export interface ApprovedCall extends ConnectorCall {
  readonly approvedPlan: Plan;
  /** Same key, same effect: at most one run with a key ever commits. */
  readonly idempotencyKey: string;
  /** What to answer, where somebody else executes the action. */
  readonly decision?: Pick<GateResult, 'decision' | 'valid_until'>;
  /** Called before the commit with what `probe` needs after a crash. Must resolve before the effect may commit. */
  readonly beforeCommit: (evidence: CommitEvidence) => Promise<void>;
}

/** What is known of a run right before it commits. */
export interface CommitEvidence {
  readonly transactionId: string;
  /**
   * The transaction that is to be committed, where the target is Keyturn's own database: noted in it, the evidence is
   * committed with the effect, and nobody waits for a second connection while holding one.
   */
  readonly within?: EntityManager;
}

/** What a run did. An error thrown after `beforeCommit` means that the outcome is unknown and must be probed. */
export type ExecutionOutcome =
  | { readonly kind: 'succeeded'; readonly fingerprint: string; readonly result: JsonValue }
  /** Rolled back because the effect was not the approved one: nothing happened. */
  | { readonly kind: 'drifted'; readonly detail: string }
  /** Rolled back for a lasting reason: nothing happened. `code` is a class of error without data. */
  | {
      readonly kind: 'failed';
      readonly code: string;
      readonly detail: string;
      readonly sqlState?: string;
      readonly cause?: string;
    };

/** What a probe found. `not_done` is final: the connector has fenced the key off, so it can never commit any more. */
export type ProbeOutcome = 'done' | 'not_done' | 'unknown';

/** What `probe` knows of the run it asks about. */
export interface ProbeCall extends ConnectorCall {
  readonly idempotencyKey: string;
  readonly transactionId: string | null;
}

/** One kind of target. The only code that changes the outside world. */
export interface Connector {
  plan(call: ConnectorCall): Promise<PlanOutcome>;
  execute(call: ApprovedCall): Promise<ExecutionOutcome>;
  probe(call: ProbeCall): Promise<ProbeOutcome>;
}
