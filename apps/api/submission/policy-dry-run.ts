import { randomUUID } from 'node:crypto';

import type { z } from 'zod';

import { readSwitches } from '../../../database/kill-switches.ts';
import { historyOf, previewWindows } from '../../../database/counted-facts.ts';
import { evaluate, type Evaluation } from '../../../domain/policy/evaluation.ts';
import type { Rule } from '../../../domain/policy/policy.ts';
import type { Phase } from '../../../domain/policy/built-in-facts.ts';
import { factsOf } from '../../../domain/policy/policy-query.ts';
import type { evaluateBodySchema, EvaluationAnswer } from '../../../contract/evaluate.ts';
import { isReviewer, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { ruleView } from '../requests/summary.ts';
import { checkSubmission } from './check.ts';
import { lineageWithEditors } from './editors.ts';
import { refuseOutOfScope } from './key-scope.ts';

/**
 * Answers what policy would say, to callers who could make the request: its checks come first. Only reads: nothing is
 * recorded, reserved or promised, and values that conditions read are never shown.
 */
export async function dryRun(
  context: Pick<ApiContext, 'source' | 'directories'>,
  call: { readonly caller: Caller; readonly body: z.output<typeof evaluateBodySchema> },
): Promise<EvaluationAnswer> {
  refuseOutOfScope(call.caller, call.body);
  const { manager } = context.source;
  const lineage = await lineageWithEditors(context, call);
  const submission = { ...call, id: randomUUID(), lineage, at: new Date() };
  const checked = await checkSubmission(context, submission, await readSwitches(manager));
  const { query, caller } = checked;
  const { policy } = query;
  // Counting windows are known only with a plan; without a connector there is no plan to wait for.
  const phase = checked.action.connector === null ? 'planned' : 'creation';
  const history = await historyOf(manager, query);
  const windows = phase === 'planned' ? await previewWindows(manager, query) : null;
  const evaluation = evaluate(policy, factsOf(query, { history, windows }), phase);
  // Only people read what a rule does and why: from that and a denial, a program would learn the plan.
  const known = isReviewer(caller) ? policy.rules : [];
  const undecided = known.filter((rule) => evaluation.undecided.includes(rule.id));
  return { ...answerOf(evaluation, phase), undecided_rules: undecided.map(undecidedRule) };
}

function answerOf(
  evaluation: Evaluation,
  phase: Exclude<Phase, 'execution'>,
): Omit<EvaluationAnswer, 'undecided_rules'> {
  const effect = effectOf(evaluation, phase);
  return {
    effect,
    phase,
    rules: evaluation.rules.map(ruleView),
    undecided: [...evaluation.undecided],
    requirement:
      effect === 'review' ? (evaluation.requirement as unknown as EvaluationAnswer['requirement']) : null,
    is_degraded: evaluation.is_degraded,
  };
}

function undecidedRule({ id, because, effect, require }: Rule): EvaluationAnswer['undecided_rules'][number] {
  const stages = (require?.stages ?? []).map(({ any, quorum }) => ({ any: [...any], quorum }));
  return { id, because, effect, stages };
}

/** Before the plan only a forbid is certain: by a rule whose facts are known, or because no rule is left that could act. */
function effectOf(evaluation: Evaluation, phase: Phase): EvaluationAnswer['effect'] {
  if (phase !== 'creation') return evaluation.effect;
  const isForbidden =
    evaluation.rules.some((rule) => rule.effect === 'forbid') ||
    (evaluation.effect === 'forbid' && evaluation.undecided.length === 0);
  return isForbidden ? 'forbid' : 'undecided';
}
