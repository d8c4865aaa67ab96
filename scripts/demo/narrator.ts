import { laidOut } from '../../apps/cli/text/layout.ts';
import { planLines } from '../../apps/cli/text/plan.ts';
import { requirementLines } from '../../apps/cli/text/requirement.ts';
import { untoned } from '../../apps/cli/text/tone.ts';
import type { RequestView } from '../../contract/requests.ts';
import { say } from '../start/progress.ts';

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

/** What a reviewer sees, as the command line shows it: each changed row, and who must approve. */
export function printPlan(request: RequestView): void {
  const { id, status, risk, plan } = request;
  const lines = [
    `Request ${id}: ${status}, risk ${risk ?? 'unknown'}`,
    ...(plan ? planLines(plan, { isWhole: true, id }) : []),
    ...requirementLines(request),
  ];
  printFacts(untoned(laidOut(lines.join('\n'), null)).split('\n'));
}
