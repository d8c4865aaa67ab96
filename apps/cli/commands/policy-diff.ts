import { Option, type Command } from 'commander';

import { classifyChange, needsTwoPeople, type PolicyChange } from '../../../domain/policy-diff/diff.ts';
import { selectorChanges, type SelectorChange } from '../../../domain/policy-diff/people.ts';
import { walkGrid, type Counterexample, type GridReport } from '../../../policy-authoring/grid.ts';
import { withJson } from '../connection.ts';
import { silentFailure } from '../exit.ts';
import { ACTIVE, loadPolicy, type PolicyOptions } from '../policy-folder.ts';
import type { Terminal } from '../terminal.ts';
import { countText, evaluationText } from '../text/evaluation.ts';
import { factLines, tableLines } from '../text/table.ts';
import { toned } from '../text/tone.ts';
import { visible, visibleJson } from '../../../domain/cards/visible.ts';

interface DiffOptions extends PolicyOptions {
  readonly failOn?: 'loosened';
}

export function withFailOn(command: Command): Command {
  return command.addOption(
    new Option('--fail-on <what>', 'exit with code 2 when something is loosened').choices(['loosened']),
  );
}

export function addPolicyDiff(policy: Command, terminal: Terminal): void {
  withFailOn(withJson(policy.command('diff <base> <candidate>')))
    .description(
      `show what changes from one policy folder to another; the word ${ACTIVE} stands for the policy in use`,
    )
    .action((base: string, candidate: string, options: DiffOptions) =>
      diff([base, candidate], options, terminal),
    );
}

async function diff(
  [from, to]: readonly [string, string],
  options: DiffOptions,
  terminal: Terminal,
): Promise<void> {
  const base = await loadPolicy(from, options, terminal);
  const candidate = await loadPolicy(to, options, terminal);
  terminal.progress('Comparing the policies');
  const { kind, changes } = classifyChange(base.policy, candidate.policy);
  const people = selectorChanges(base.policy, candidate.policy);
  const grid = walkGrid(base.policy, candidate.policy);
  const digests = { base: base.digest, candidate: candidate.digest };
  const people_needed = needsTwoPeople({ base: base.policy, candidate: candidate.policy }, kind) ? 2 : 1;
  const report = { kind, people_needed, ...digests, changes, people, grid };
  const lines = [
    verdictLine(kind, people_needed),
    '',
    ...factLines(Object.entries(digests), ''),
    '',
    `${kindText(kind)}: ${countText(changes.length, 'change')}`,
    ...changeLines(changes),
    ...peopleLines(people),
    ...gridLines(grid),
  ];
  terminal.out(options.json ? JSON.stringify(report) : lines.join('\n'));
  if (options.failOn && (kind === 'loosening' || grid.looser > 0)) throw silentFailure(2);
}

/** Who must agree to publish it comes first: that is what the comparison is for. */
function verdictLine(kind: PolicyChange['kind'], peopleNeeded: 1 | 2): string {
  const people = peopleNeeded === 1 ? 'one person' : 'two different people';
  const verdict = toned(peopleNeeded === 1 ? 'good' : 'warning', VERDICTS[kind]);
  return `${verdict} To publish it, at least ${people} must agree, none of them the requester.`;
}

const VERDICTS: Readonly<Record<PolicyChange['kind'], string>> = {
  neutral: 'The candidate has the same effect.',
  tightening: 'The candidate is only stricter.',
  loosening: 'The candidate may be looser.',
};

function kindText(kind: PolicyChange['kind']): string {
  return kind === 'loosening' ? toned('warning', kind) : kind;
}

/** Each change: what it does to the policy, and where it is written. */
export function changeLines(changes: readonly PolicyChange[]): string[] {
  const kinds = Math.max(...changes.map(({ kind }) => kind.length));
  return changes.flatMap(({ kind, how, what, name, source, because }) => {
    const named = visible(name === null ? what : `${what} ${name}`);
    const below = [source, because].filter((text) => text !== null && text !== undefined);
    return [
      `  ${kindText(kind)}${' '.repeat(kinds - kind.length)}  ${how.padEnd('removed'.length)}  ${named}`,
      ...(below.length === 0 ? [] : [`    ${visible(below.join(': '))}`]),
    ];
  });
}

function peopleLines(people: readonly SelectorChange[]): string[] {
  if (people.length === 0) return [];
  const rows = people.map(({ selector, joined, left }) => [
    `  ${visible(selector)}`,
    visible([...joined.map((person) => `+ ${person}`), ...left.map((person) => `- ${person}`)].join(', ')),
  ]);
  return ['who may decide', ...tableLines(rows)];
}

function gridLines({ cells, is_complete, looser, stricter, counterexamples }: GridReport): string[] {
  const range = is_complete ? '' : ' (stopped at the limit)';
  return [
    `${countText(cells, 'boundary case')} evaluated${range}, ${looser.toLocaleString('en-US')} looser, ${stricter.toLocaleString('en-US')} stricter (a statement about these cases only)`,
    ...counterexamples.flatMap(counterexampleLines),
  ];
}

function counterexampleLines(example: Counterexample): string[] {
  const { rule, action, target, facts, base, candidate, is_released: isReleased } = example;
  const values = Object.entries(facts).map(([path, value]) => `${visible(path)} = ${visibleJson(value)}`);
  return [
    `  ${visible(action)} on ${visible(target)}${rule === null ? '' : `, at rule ${visible(rule)}`}`,
    ...(values.length > 0 ? [`    ${values.join(', ')}`] : []),
    `    ${evaluationText(base)}${isReleased ? ', held back by a freeze' : ''}`,
    `    -> ${evaluationText(candidate)}`,
  ];
}
