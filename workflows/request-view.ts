import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';

import type { Evaluated } from '../activities/index.ts';
import { nextEscalation } from '../domain/escalation.ts';
import { tally, type CountedDecision, type TallyFacts } from '../domain/quorum.ts';
import type { RequestStatus } from '../domain/request.ts';
import { searchAttributes, type WorkflowState } from './messages.ts';

/** A round of decisions that people are asked for. */
export type Round = Evaluated & { kind: 'review' };

/** What people see of the request in the Temporal UI. Shows; decides nothing. */
export class RequestView {
  readonly #howToDecide: string;
  #status: RequestStatus = 'planning';
  #round: Round | null = null;
  #heldUntil: string | null = null;
  #decisions: CountedDecision[] = [];

  constructor(howToDecide: string) {
    this.#howToDecide = howToDecide;
    this.#describe();
  }

  /** A new round: earlier decisions are void. */
  open(round: Round): void {
    this.#round = round;
    this.#decisions = [];
    this.#status = 'pending';
    upsertSearchAttributes([
      { key: searchAttributes.status, value: 'pending' },
      { key: searchAttributes.risk, value: round.requirement.risk },
      { key: searchAttributes.expiresAt, value: new Date(round.expires_at) },
    ]);
    this.#describe();
  }

  counts(decisions: readonly CountedDecision[]): void {
    // A signal that is sent again counts once here, too: else repeats would fill the memory.
    const known = new Set(this.#decisions.map(({ id }) => id));
    this.#decisions.push(...decisions.filter(({ id }) => !known.has(id)));
    this.#describe();
  }

  becomes(status: RequestStatus): void {
    this.#status = status;
    this.#heldUntil = null;
    this.#describe();
  }

  /** Approved, and waiting for its time. */
  holds(until: string): void {
    this.#status = 'approved';
    this.#heldUntil = until;
    this.#describe();
  }

  /** The last status, also for lists of workflows. */
  closes(status: RequestStatus): void {
    this.becomes(status);
    upsertSearchAttributes([{ key: searchAttributes.status, value: status }]);
  }

  /** The facts of the tally of the open round, at workflow time. */
  tallyFacts(round: Round): TallyFacts {
    return {
      requirement: round.requirement,
      pending_since: round.pending_since,
      decisions: this.#decisions,
      now: new Date().toISOString(),
      ...(round.clocks === undefined ? {} : { clocks: round.clocks }),
    };
  }

  state(): WorkflowState {
    const open = this.#status === 'pending' && this.#round ? this.tallyFacts(this.#round) : null;
    return {
      request: workflowInfo().workflowId,
      status: this.#status,
      ...digestAndExpiry(this.#round),
      next_escalation_at: open && (nextEscalation(open, open.now)?.at ?? null),
      tally: open && tally(open),
      how_to_decide: this.#howToDecide,
    };
  }

  /** Markdown for the Temporal UI. Only server-made facts: requirement, deadlines, digest. */
  #describe(): void {
    const round = this.#status === 'pending' ? this.#round : null;
    const lines = [`**Status:** ${this.#status}`];
    if (this.#heldUntil !== null) lines.push(`**Held until:** ${this.#heldUntil}`);
    if (round) lines.push(...this.#awaited(round));
    setCurrentDetails(lines.join('\n\n'));
  }

  #awaited(round: Round): string[] {
    const standing = tally(this.tallyFacts(round));
    const stages = round.requirement.rules.flatMap((rule, ruleIndex) =>
      rule.stages.map((stage, stageIndex) => {
        const filled = standing.rules[ruleIndex]?.[stageIndex]?.filled_by.length ?? 0;
        return `- ${filled} of ${stage.quorum} from ${stage.any.join(' or ')} (rule ${rule.rule})`;
      }),
    );
    return [
      `**Awaiting:**\n\n${stages.join('\n')}`,
      `**Risk:** ${round.requirement.risk}`,
      `**Expires:** ${round.expires_at} (silence is a denial)`,
      `**Decision digest:** ${round.decision_digest}`,
      `**How to decide here:** ${this.#howToDecide}`,
    ];
  }
}

function digestAndExpiry(
  round: Round | null,
): Pick<WorkflowState, 'round' | 'decision_digest' | 'expires_at'> {
  return {
    round: round?.round ?? 0,
    decision_digest: round?.decision_digest ?? null,
    expires_at: round?.expires_at ?? null,
  };
}
