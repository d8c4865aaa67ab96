import type { Evaluation, MatchedRule } from '../../../domain/policy/evaluation.ts';
import type { ValueRead } from '../../../domain/conditions/values-read.ts';
import { stageText } from '../../../policy-authoring/policy-test-expectation.ts';
import { visible, visibleJson } from '../../../domain/cards/visible.ts';

/** `review [group:dba x2, owners x1], risk high, 2 distinct people` */
export function evaluationText({ effect, risk, requirement }: Evaluation): string {
  const stages = (requirement?.rules.flatMap((rule) => rule.stages.map(stageText)) ?? []).sort();
  const people = requirement?.distinct_people ?? 1;
  return [
    requirement === null ? effect : `${effect} [${visible(stages.join(', '))}]`,
    `risk ${risk.tier}`,
    ...(people > 1 ? [`${people} distinct people`] : []),
  ].join(', ');
}

/** `rules/sql.yaml:4 sql-write-large: plan.rows = 5000` */
export function ruleText({ id, source, is_error: isError, read = [] }: MatchedRule): string {
  const values = read.length === 0 ? '' : `: ${valuesText(read)}`;
  return `${visible(source)} ${visible(id)}${isError ? ' (could not be evaluated)' : ''}${values}`;
}

/** `plan.rows = 5000, args.role = "viewer"` */
export function valuesText(read: readonly ValueRead[]): string {
  return read
    .map(({ path, value, as_if: asIf }) => `${visible(path)} = ${visibleJson(value)}${markText(asIf)}`)
    .join(', ');
}

/** Rules are also read from records: a mark that only another version knows is shown as well. */
function markText(asIf: string | undefined): string {
  return asIf === undefined ? '' : ` (${MARKS.get(asIf) ?? `as if ${visible(asIf)}`})`;
}

const MARKS: ReadonlyMap<string, string> = new Map([
  ['proven', 'not proven: as if what is only declared were'],
  ['undeclared', 'as if nothing were declared'],
]);

/** `1 request`, `12,480 requests` */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}
