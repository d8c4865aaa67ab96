import { readFileSync } from 'node:fs';
import path from 'node:path';

import type { Clone } from './clones.ts';
import { differenceOf, differences } from './difference.ts';
import { unexplained } from './matching.ts';
import { readState } from './state.ts';
import { approvedCall, callOf, undeclared, type Bench, type Verdict } from './trial.ts';

/** A statement, and what changes between its approval and its execution. */
export interface Meanwhile {
  readonly name: string;
  readonly statement: string;
  readonly change: string;
  readonly assigned: readonly string[];
  /** Where only one outcome is right. */
  readonly expected: string | null;
}

const FOLDER = path.join(import.meta.dirname, 'meanwhile');

/** The set-up that all cases share, with what the target's connection says. */
export function meanwhileSetUp(): string {
  return read('values').split(CASES)[0] ?? '';
}

const CASES = /^-- cases$/m;

/** The cases of one of the files. */
export function meanwhileCases(
  file: 'values' | 'made-up' | 'catalogue' | 'settings' | 'views',
): readonly Meanwhile[] {
  const [, cases = ''] = read(file).split(CASES);
  return cases
    .split(/^-- name: /m)
    .slice(1)
    .map(caseOf);
}

function read(file: string): string {
  return readFileSync(path.join(FOLDER, `${file}.sql`), 'utf8');
}

function caseOf(text: string): Meanwhile {
  const [head = '', change = ''] = text.split(/^-- meanwhile$/m);
  const [name = '', ...lines] = head.split('\n');
  const note = (key: string): string | null =>
    lines.find((line) => line.startsWith(`-- ${key}: `))?.slice(key.length + 5) ?? null;
  return {
    name,
    statement: lines
      .filter((line) => !line.startsWith('-- '))
      .join('\n')
      .trim(),
    change: change.trim(),
    assigned: note('assigned')?.split(', ') ?? [],
    expected: note('expect'),
  };
}

/** Plans, changes, executes: what is committed must be explained by the approved plan, or be nothing. */
export async function tryMeanwhile(bench: Bench, one: Meanwhile): Promise<Verdict> {
  const clone = await bench.clones.copy(bench.template);
  try {
    return await tryIn(bench, clone, one);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'wrong', problems: [`crashed: ${reason}`] };
  } finally {
    await bench.clones.drop(clone);
  }
}

async function tryIn(bench: Bench, clone: Clone, one: Meanwhile): Promise<Verdict> {
  const call = callOf(bench, clone, one.statement);
  const outcome = await bench.connector.plan(call);
  if (outcome.kind === 'refused') return outcome;
  const { plan } = outcome;
  const left = undeclared(plan, one.assigned);
  if (left.length > 0) return { kind: 'wrong', problems: left };
  await bench.clones.run(clone, one.change);
  const changed = await readState(clone.adminUrl);
  const execution = await bench.connector.execute(approvedCall(call, plan));
  const executed = await readState(clone.adminUrl);
  const isCommitted = execution.kind === 'succeeded';
  const isExpected = one.expected === null || one.expected === execution.kind;
  const problems = [
    ...(isCommitted
      ? unexplained(plan.effects, differenceOf(changed, executed))
      : differences(changed, executed)),
    ...(isExpected ? [] : [`${one.expected} is expected: ${JSON.stringify(execution)}`]),
  ];
  if (problems.length > 0)
    return { kind: 'wrong', problems: problems.map((line) => `${execution.kind}: ${line}`) };
  return isCommitted ? { kind: 'true', isUndone: false } : { kind: 'stopped' };
}
