import type { SearchAttributeUpdatePair } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';

import type { Evaluated } from '../activities/index.ts';
import { shownInChannel } from '../domain/request/disclosure.ts';
import { nextEscalation } from '../domain/approval/escalation.ts';
import { markdownCode } from '../domain/cards/markdown.ts';
import { tally, type CountedDecision, type TallyFacts } from '../domain/approval/quorum.ts';
import type { RequestStatus } from '../domain/request/status.ts';
import type { SignalQueue } from './signal-queue.ts';
import { searchAttributes, type WorkflowState } from './messages.ts';

/** A round of decisions that people are asked for. */
export type Round = Evaluated & { kind: 'review' };

/** What people see of the request in the Temporal UI. Shows; decides nothing. */
export class RequestView {
  readonly #howToDecide: string;
  readonly #queue: Pick<SignalQueue, 'dropped'>;
  #status: RequestStatus = 'planning';
  #round: Round | null = null;
  #heldUntil: string | null = null;
  #decisions: CountedDecision[] = [];

  constructor(howToDecide: string, queue: Pick<SignalQueue, 'dropped' | 'whenDropped'>) {
    this.#howToDecide = howToDecide;
    this.#queue = queue;
    queue.whenDropped(() => this.#describe());
    this.#describe();
  }

  /** A new round: earlier decisions are void. */
  open(round: Round): void {
    this.#round = round;
    this.#decisions = [];
    this.#status = 'pending';
    const limited = limitedAttributes(round);
    upsertSearchAttributes([{ key: searchAttributes.status, value: 'pending' }, ...limited]);
    this.#describe();
  }

  counts(decisions: readonly CountedDecision[]): void {
    // A signal that is sent again counts once here, too: else repeats would fill the memory.
    const known = new Set(this.#decisions.map(({ id }) => id));
    this.#decisions.push(...decisions.filter(({ id }) => !known.has(id)));
    this.#describe();
  }

  /** All decisions of the round, with what they are worth by the directory of now. */
  restates(decisions: readonly CountedDecision[]): void {
    this.#decisions = [...decisions];
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
    const requirement = this.#round?.requirement ?? null;
    const link = {
      request: workflowInfo().workflowId,
      status: this.#status,
      how_to_decide: this.#howToDecide,
      ignored_messages: this.#queue.dropped,
      shown: requirement?.channels ?? ('all' as const),
    };
    const whole = { link, summary: digestAndExpiry(this.#round), details: this.#standing() };
    const shown = shownInChannel(whole, requirement);
    return {
      ...shown.link,
      ...(shown.summary ?? digestAndExpiry(null)),
      ...(shown.details ?? NO_STANDING),
    };
  }

  #standing(): Pick<WorkflowState, 'next_escalation_at' | 'tally'> {
    if (this.#status !== 'pending' || !this.#round) return NO_STANDING;
    const open = this.tallyFacts(this.#round);
    return { next_escalation_at: nextEscalation(open, open.now)?.at ?? null, tally: tally(open) };
  }

  /** Markdown for the Temporal UI. Only server-made facts: requirement, deadlines, digest. */
  #describe(): void {
    const round = this.#status === 'pending' ? this.#round : null;
    const lines = [`**Status:** ${this.#status}`];
    if (this.#heldUntil !== null) lines.push(`**Held until:** ${this.#heldUntil}`);
    if (round) lines.push(...this.#required(round));
    const ignored = this.#queue.dropped;
    if (ignored > 0)
      lines.push(`**Ignored:** ${ignored} messages that hold no ticket: paste one as a JSON string`);
    setCurrentDetails(lines.join('\n\n'));
  }

  #required(round: Round): string[] {
    const { link, summary, details } = shownInChannel(
      {
        link: [`**How to decide here:** ${this.#howToDecide}`],
        summary: [
          `**Risk:** ${round.requirement.risk}`,
          `**Expires:** ${round.expires_at} (silence is a denial)`,
          `**Decision digest:** ${round.decision_digest}`,
        ],
        details: [`**Awaiting:**\n\n${this.#awaited(round).join('\n')}`],
      },
      round.requirement,
    );
    const isWithheld = details === null;
    return [
      ...(details ?? []),
      ...(summary ?? []),
      ...(isWithheld ? ['**Not shown here:** policy keeps the rest of it inside of Keyturn'] : []),
      ...link,
    ];
  }

  #awaited(round: Round): string[] {
    const standing = tally(this.tallyFacts(round));
    return round.requirement.rules.flatMap((rule, ruleIndex) =>
      rule.stages.map((stage, stageIndex) => {
        const filled = standing.rules[ruleIndex]?.[stageIndex]?.filled_by.length ?? 0;
        return `- ${filled} of ${stage.quorum} from ${stage.any.map(markdownCode).join(' or ')} (rule ${markdownCode(rule.rule)})`;
      }),
    );
  }
}

const NO_STANDING = { next_escalation_at: null, tally: null };

/** Search attributes are shown in lists of workflows: they are a channel as well. What an earlier round showed goes. */
function limitedAttributes({ requirement, expires_at }: Round): SearchAttributeUpdatePair[] {
  const values = { risk: requirement.risk, expiresAt: new Date(expires_at) };
  const { summary } = shownInChannel({ link: null, summary: values, details: null }, requirement);
  return [
    { key: searchAttributes.risk, value: summary?.risk ?? null },
    { key: searchAttributes.expiresAt, value: summary?.expiresAt ?? null },
  ];
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
