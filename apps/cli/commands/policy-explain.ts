import type { Command } from 'commander';

import type { ExplainedEvaluation, Recomputation } from '../../../database/explanation.ts';
import type { Evaluation, MatchedRule } from '../../../domain/policy/evaluation.ts';
import { isOtherEngine, recordedEngine, type RecordedOutcome } from '../../../domain/policy/explanation.ts';
import type { ENGINE } from '../../../domain/conditions/profile.ts';
import { withJson } from '../connection.ts';
import { failure, silentFailure } from '../exit.ts';
import { databaseUrl, type PolicyOptions } from '../policy-folder.ts';
import type { Terminal } from '../terminal.ts';
import { evaluationText, ruleText } from '../text/evaluation.ts';
import { toned } from '../text/tone.ts';
import { visible, visibleJson } from '../../../domain/cards/visible.ts';

export function addPolicyExplain(policy: Command, terminal: Terminal): void {
  withJson(policy.command('explain <request>'))
    .description('explain what policy decided on a request, and evaluate it again')
    .action((request: string, options: PolicyOptions) => explain(request, options, terminal));
}

/** Ends with 0 only when every evaluation is proven: what was erased or altered is not. */
async function explain(request: string, options: PolicyOptions, terminal: Terminal): Promise<void> {
  const url = databaseUrl(terminal);
  const [{ withDatabase }, { explainRequest }] = await Promise.all([
    import('../policy-database.ts'),
    import('../../../database/explanation.ts'),
  ]);
  const explained = await withDatabase(url, (manager) => explainRequest(manager, request));
  if (explained.length === 0)
    throw failure(
      'not_found',
      `No evaluation of ${request} is recorded. To check the id: keyturn show ${request}`,
    );
  const isProven = explained.every(({ recomputed }) => recomputed.kind === 'agrees');
  const report = { ok: isProven, request, evaluations: explained };
  terminal.out(options.json ? JSON.stringify(report) : explained.flatMap(explanationLines).join('\n'));
  if (!isProven) throw silentFailure();
}

function explanationLines({ recorded, recomputed, reviewers }: ExplainedEvaluation): string[] {
  const { phase, round, at, outcome } = recorded;
  return [
    `round ${round}, ${phase}, ${at}: ${outcomeText(outcome)}`,
    `  policy ${visible(recorded.policy_digest)}`,
    `  facts  ${visible(recorded.facts_digest)}`,
    `  people ${peopleText(recorded)}`,
    ...rulesOf(outcome).map((rule) => `  rule   ${ruleText(rule)}`),
    ...(rulesOf(outcome).length === 0 ? ['  no rule matched'] : []),
    ...evaluationLines(recomputed),
    ...(reviewers === null
      ? []
      : [`  all    reviewers: ${visible(reviewers.because)} (${visible(reviewers.when)})`]),
    ...engineLines(outcome),
    `  recomputed: ${verdictOf(recomputed)}`,
  ];
}

function peopleText({ directory_generation: generation, outcome }: ExplainedEvaluation['recorded']): string {
  const change = `change ${visible(generation)} of the directory`;
  return `${plain(outcome['directory_digest'])}, ${change}`;
}

function outcomeText(outcome: RecordedOutcome): string {
  const marks = (['is_degraded', 'is_break_glass'] as const).filter((mark) => outcome[mark] === true);
  return [
    `${plain(outcome['effect'])}, risk ${plain(outcome['risk'])}`,
    ...marks.map((mark) => mark.slice(3)),
  ].join(', ');
}

function plain(value: unknown): string {
  return typeof value === 'string' ? visible(value) : visibleJson(value);
}

/** Stored by us, shown as it is: what is not a rule is left out here, and reported by the comparison. */
function rulesOf(outcome: RecordedOutcome): readonly MatchedRule[] {
  const rules: unknown = outcome['rules'];
  if (!Array.isArray(rules)) return [];
  return (rules as readonly Partial<MatchedRule>[]).flatMap((rule) =>
    typeof rule?.id === 'string' && typeof rule.source === 'string' ? [rule as MatchedRule] : [],
  );
}

/** Only where the record names another engine than the one that evaluates now. */
function engineLines(outcome: RecordedOutcome): string[] {
  const recorded = recordedEngine(outcome);
  if (recorded === null || !isOtherEngine(outcome)) return [];
  const known: Partial<typeof ENGINE> = { ...(recorded as object) };
  const words = [known.engine, known.engine_version, known.profile, known.profile_version];
  return [`  engine ${words.map(plain).join(' ')}, not the current one`];
}

function evaluationLines(recomputed: Recomputation): string[] {
  if (!('evaluation' in recomputed)) return [];
  const { risk } = recomputed.evaluation;
  return [
    ...risk.reasons.map((reason) => `  risk   ${visible(reason)}`),
    `  needs  ${evaluationText(recomputed.evaluation)}`,
    ...reviewerLines(recomputed.evaluation),
  ];
}

/** Which of the selected reviewers may decide, if a rule has a further condition. */
function reviewerLines({ requirement }: Evaluation): string[] {
  return (requirement?.rules ?? []).flatMap(({ rule, reviewer_when: when }) =>
    when === undefined ? [] : [`  only   if ${visible(when)} (${visible(rule)})`],
  );
}

const WHAT = {
  facts: 'the facts',
  policy: 'the policy rules',
  directory: 'people, agents and groups',
} as const;

function verdictOf(recomputed: Recomputation): string {
  switch (recomputed.kind) {
    case 'agrees':
      return toned('good', 'agrees');
    case 'differs':
      return toned('alarm', `DIFFERS in ${visible(recomputed.fields.join(', '))}`);
    case 'other_engine':
      return `not possible, another engine recorded it; this one differs in ${visible(recomputed.fields.join(', '))}`;
    case 'missing':
      return recomputed.what === 'facts'
        ? 'not possible, the facts were erased'
        : 'not possible, the policy set is not stored';
    case 'altered':
      return toned('alarm', `ALTERED: ${WHAT[recomputed.what]} stored are not what the digest names`);
  }
}
