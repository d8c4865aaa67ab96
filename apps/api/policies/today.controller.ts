import { Controller, Get, Param } from '@nestjs/common';

import { lastEvaluation } from '../../../database/explanation.ts';
import { isNamedBy } from '../../../domain/audit/verification/inputs.ts';
import { seatsText } from '../../../domain/cards/words.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { recalledFacts } from '../../../domain/policy/built-in-facts.ts';
import { evaluate, type Evaluation } from '../../../domain/policy/evaluation.ts';
import type { PolicyToday } from '../../../contract/policy-today.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { loadRequest } from '../requests/load.ts';
import { callerVisibility } from '../requests/visibility.ts';

type Outcome = NonNullable<PolicyToday['today']>;

/** Whether the active policy would decide otherwise on a request, by the facts on record. */
@Door('people')
@Controller('v1/requests/:id/today')
export class PolicyTodayController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  async today(@CallerParam() caller: Caller, @Param('id') id: string): Promise<PolicyToday> {
    const decided = await loadRequest(this.#context, caller, id);
    const { visibility } = await callerVisibility(this.#context, caller, decided);
    // What a policy comes to follows from the plan.
    if (visibility !== 'whole')
      throw new KeyturnError(
        'forbidden',
        'What policy says follows from the plan: only reviewers of the request, operators and auditors may read it.',
      );
    const last = await lastEvaluation(this.#context.source.manager, decided.row.id);
    if (!last) return { recorded: null, today: null, is_same: false, why_not: 'not_evaluated' };
    const recorded = { ...recordedOutcome(last), at: last.at.toISOString() };
    const unknown = (whyNot: string) => ({ recorded, today: null, is_same: false, why_not: whyNot });
    if (last.facts === null) return unknown('facts_erased');
    if (!isNamedBy(last.facts_digest, last.facts)) return unknown('facts_altered');
    const { policy, digest } = caller.policy;
    const facts = recalledFacts(policy, last.facts);
    if (facts === null) return unknown('target_removed');
    const today = outcomeOf(evaluate(policy, facts, last.phase), digest);
    return { recorded, today, is_same: isSame(recorded, today), why_not: null };
  }
}

function outcomeOf({ effect, risk, rules, requirement }: Evaluation, digest: string): Outcome {
  return {
    policy_digest: digest,
    effect,
    risk: risk.tier,
    rules: rules.map(({ id }) => id),
    seats: seatsOf(requirement),
  };
}

/** As it was stored: in its own words, whatever this version would say. */
function recordedOutcome({
  outcome,
  policy_digest,
}: NonNullable<Awaited<ReturnType<typeof lastEvaluation>>>): Outcome {
  const { effect, risk, rules, requirement } = outcome as unknown as Pick<
    Evaluation,
    'effect' | 'rules' | 'requirement'
  > & { readonly risk?: Outcome['risk'] };
  return {
    policy_digest,
    effect,
    risk: risk ?? null,
    rules: rules.map(({ id }) => id),
    seats: seatsOf(requirement),
  };
}

function seatsOf(requirement: Evaluation['requirement']): string[] {
  return (requirement?.rules ?? []).flatMap(({ stages }) => stages.map(seatsText));
}

function isSame(one: Outcome, other: Outcome): boolean {
  const said = ({ effect, risk, rules, seats }: Outcome): string =>
    JSON.stringify([effect, risk, rules, seats]);
  return said(one) === said(other);
}
