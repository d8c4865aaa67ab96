import { randomUUID } from 'node:crypto';

import type { z } from 'zod';

import { readSwitches } from '../../../database/kill-switches.ts';
import { historyOf, previewWindows } from '../../../database/policy-facts.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { evaluate, type Evaluation } from '../../../domain/policy/evaluation.ts';
import type { Rule } from '../../../domain/policy/policy.ts';
import { withResolvedFacts, type Phase, type PolicyFacts } from '../../../domain/policy/facts.ts';
import { requestFacts } from '../../../domain/policy/request-facts.ts';
import type { evaluateBodySchema, EvaluationAnswer } from '../../../contract/evaluate.ts';
import { isReviewer, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import { checkSubmission } from './check.ts';
import { editorsOf } from './editors.ts';
import { lineageOf } from './lineage.ts';

/** A question about policy. */
export interface DryRun {
  readonly caller: Caller;
  readonly body: z.output<typeof evaluateBodySchema>;
}

/**
 * Says what policy would say, for those who could really ask: the checks of a request come first. Reads only; nothing
 * is recorded, reserved or promised, and values that conditions read are never told.
 */
export async function dryRun(context: ApiContext, run: DryRun): Promise<EvaluationAnswer> {
  const { caller, body } = run;
  const { policy } = caller.policy;
  const lineage = lineageOf(caller, body, await editorsOf(context, run));
  const id = randomUUID();
  const switches = await readSwitches(context.source.manager);
  const { start: _start, ...entry } = await checkSubmission(context, { ...run, id, lineage, switches });
  const facts = await factsOf(context, run, { ...entry, id, lineage });
  const phase = entry.action.connector === null ? 'planned' : 'creation';
  const evaluation = evaluate(policy, facts, phase);
  // What a rule does, and why, is read by people alone: from that, and a denial, a program would learn what the plan was.
  const known = isReviewer(caller) ? policy.rules : [];
  const undecided = known.filter((rule) => evaluation.undecided.includes(rule.id));
  return { ...answerOf(evaluation, phase), undecided_rules: undecided.map(undecidedRule) };
}

function argumentsOf({ body }: DryRun): Readonly<Record<string, JsonValue>> {
  return body.arguments as Readonly<Record<string, JsonValue>>;
}

async function factsOf(
  { source }: ApiContext,
  run: DryRun,
  asked: CatalogueEntry & { readonly id: string; readonly lineage: ReturnType<typeof lineageOf> },
): Promise<PolicyFacts> {
  const { directory } = run.caller;
  const { policy } = run.caller.policy;
  const { action, mode, break_glass = false } = run.body;
  const { id, lineage, target } = asked;
  const at = new Date();
  const known = { action, target, args: argumentsOf(run), plan: null };
  const subject = { id, lineage, at, policy, directory, facts: known };
  // Before a plan nothing is reserved, so windows are not known then; without a connector there is no plan to wait for.
  const isPlanned = asked.action.connector === null;
  return withResolvedFacts(subject, {
    ...known,
    request: requestFacts(directory, { mode, lineage, break_glass }),
    at: at.toISOString(),
    history: await historyOf(source.manager, subject),
    windows: isPlanned ? await previewWindows(source.manager, subject) : null,
  });
}

function answerOf(
  evaluation: Evaluation,
  phase: Exclude<Phase, 'execution'>,
): Omit<EvaluationAnswer, 'undecided_rules'> {
  const effect = effectOf(evaluation, phase);
  return {
    effect,
    phase,
    rules: evaluation.rules.map(({ id, because, effect }) => ({
      id,
      because,
      ...(effect === undefined ? {} : { effect }),
    })),
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
