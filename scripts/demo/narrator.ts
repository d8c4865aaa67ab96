import type { RequestView } from '../../contract/requests.ts';
import { say } from '../start/progress.ts';

type Effect = NonNullable<RequestView['plan']>['effects'][number];

/** A chapter of the story: a title and a few plain sentences. */
export function narrate(title: string, sentences: readonly string[]): void {
  say();
  say(title);
  for (const sentence of sentences) say(`  ${sentence}`);
}

/** Facts, set off from the narration. */
export function printFacts(lines: readonly string[]): void {
  for (const line of lines) say(`    | ${line}`);
}

/** What a reviewer sees of a plan: the summary, the risk, and each changed row. */
export function printPlan(request: RequestView): void {
  printFacts([
    `request   ${request.id}`,
    `status    ${request.status}, risk ${request.risk ?? 'unknown'}`,
    `plan      ${request.plan?.summary ?? 'none'}`,
    ...(request.plan?.effects ?? []).flatMap(changesOf),
    ...(request.plan?.warnings ?? []).map((warning) => `warning   ${warning}`),
    ...(request.requirement?.rules ?? []).map((rule) => `needs     ${needOf(rule)}`),
  ]);
}

function changesOf(effect: Effect): readonly string[] {
  return effect.rows.map(({ key, before, after }) => {
    const columns = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
    const changes = [...columns].map((column) =>
      before === null
        ? `${column}: ${JSON.stringify(after?.[column])}`
        : `${column}: ${JSON.stringify(before[column])} -> ${JSON.stringify(after?.[column])}`,
    );
    const what = after === null ? `${key}, deleted` : key;
    return `          ${effect.resource}, ${what}: ${changes.join(', ')}`;
  });
}

type RuleRequirement = NonNullable<RequestView['requirement']>['rules'][number];

function needOf(rule: RuleRequirement): string {
  const stages = rule.stages.map((stage) => `${stage.quorum} of ${stage.any.join(' or ')}`);
  return `${stages.join(rule.order === 'sequential' ? ', then ' : ' and ')} (rule ${rule.rule})`;
}
