import { Controller, Get, Param } from '@nestjs/common';

import { readDecided } from '../../../database/readers.ts';
import { seatsText } from '../../../domain/cards/words.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { Evaluation } from '../../../domain/policy/evaluation.ts';
import { PUBLISH } from '../../../domain/policy/policy.ts';
import type { BacktestDifference, BacktestReport } from '../../../policy-authoring/backtest.ts';
import { EFFECTS } from '../../../policy-authoring/strictness.ts';
import { digestSchema } from '../../../contract/policies.ts';
import type { PolicyBacktest } from '../../../contract/proposals.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { loadRequest } from '../requests/load.ts';
import { wordsOf } from '../requests/view.ts';
import { callerVisibility } from '../requests/visibility.ts';
import { Backtests } from './backtests.ts';
import { storedPolicy } from './stored-policy.ts';

/** What a policy that is to be published would have said of recorded requests. */
@Door('people')
@Controller('v1/requests/:id/backtest')
export class BacktestController {
  readonly #context: ApiContext;
  readonly #backtests = new Backtests();

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  async show(@CallerParam() caller: Caller, @Param('id') id: string): Promise<PolicyBacktest> {
    const decided = await loadRequest(this.#context, caller, id);
    const { visibility } = await callerVisibility(this.#context, caller, decided);
    // Counts alone tell what requests hold to somebody who writes the conditions: so it is for those who see the plan.
    if (visibility !== 'whole')
      throw new KeyturnError(
        'forbidden',
        'A backtest follows from recorded requests: only reviewers of this request, operators and auditors may read it.',
      );
    if (decided.row.action !== PUBLISH.action || decided.row.plan_digest === null)
      throw new KeyturnError('not_found', 'This request publishes no policy, or has no plan yet.');
    const { base, candidate } = await this.#publication(decided.row);
    const { manager } = this.#context.source;
    const policies = { base: await storedPolicy(manager, base), candidate: await storedPolicy(manager, candidate) };
    const key = `${base} ${candidate}`;
    const person = caller.person?.id ?? '';
    const { found, left, since, until } = await this.#backtests.of(this.#context, { key, person, policies });
    if (found === null)
      throw new KeyturnError('unavailable', 'The backtest ended before it had looked at a request. Try again.');
    const all = [...found.report.loosened_first, ...found.tightened_first];
    const differences = await this.#visible(caller, all);
    return {
      base,
      candidate,
      since: since.toISOString(),
      until: until.toISOString(),
      ...countsOf(found.report),
      is_whole: left === null,
      fault: left?.why === 'fault' ? left.reason : null,
      differences: differences.map(differenceView),
      withheld: all.length - differences.length,
    };
  }

  async #publication(
    row: Parameters<typeof wordsOf>[1],
  ): Promise<{ readonly base: string; readonly candidate: string }> {
    const { arguments: args } = await wordsOf(this.#context, row);
    const [base, candidate] = [digestSchema.safeParse(args?.['base']), digestSchema.safeParse(args?.['candidate'])];
    if (!base.success || !candidate.success)
      throw new KeyturnError('not_found', 'Which policy this request publishes was erased.');
    return { base: base.data, candidate: candidate.data };
  }

  /** Those of which the caller may see everything: what policy says follows from the plan. */
  async #visible(
    caller: Caller,
    differences: readonly BacktestDifference[],
  ): Promise<readonly BacktestDifference[]> {
    const visible: BacktestDifference[] = [];
    for (const difference of differences) {
      const found = await readDecided(this.#context.source.manager, difference.request);
      if (found === null) continue;
      const { visibility } = await callerVisibility(this.#context, caller, found);
      if (visibility === 'whole') visible.push(difference);
    }
    return visible;
  }
}

function countsOf(report: BacktestReport) {
  const { evaluations, matrix, loosened, tightened, insufficient, unsatisfiable, facts_erased } = report;
  return {
    evaluations,
    flows: EFFECTS.flatMap((from) => EFFECTS.map((to) => ({ from, to, count: matrix[from][to] }))),
    loosened,
    tightened,
    unsatisfiable,
    unsatisfiable_before: report.unsatisfiable_base,
    insufficient,
    facts_erased,
  };
}

function differenceView(difference: BacktestDifference): PolicyBacktest['differences'][number] {
  const { request, round, action, target, is_looser, base, candidate } = difference;
  return { request, round, action, target, is_looser, before: sideOf(base), after: sideOf(candidate) };
}

function sideOf({
  effect,
  risk,
  rules,
  requirement,
}: Evaluation): PolicyBacktest['differences'][number]['before'] {
  return {
    effect,
    risk: risk.tier,
    seats: (requirement?.rules ?? []).flatMap(({ stages }) => stages.map(seatsText)),
    rules: rules.map(({ id }) => id),
  };
}
