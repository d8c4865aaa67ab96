import type { Plan } from '../../domain/request/plan.ts';

/** How many values each sequence has given away so far. */
export type Sequences = ReadonlyMap<string, bigint>;

/** Values that were taken between two looks, of each sequence that moved. */
export function takenBetween(before: Sequences, after: Sequences): Sequences {
  const moves = [...after].map(([name, count]) => [name, count - (before.get(name) ?? 0n)] as const);
  return new Map(moves.filter(([, count]) => count !== 0n));
}

/** What a rehearsal did to sequences beyond the plan's word: values do not come back, so it has to say how many. */
export function unsaid(plan: Pick<Plan, 'sequence_values_used'>, taken: Sequences): readonly string[] {
  const back = [...taken].filter(([, count]) => count < 0n).map(([name]) => `${name} was set back`);
  const sum = [...taken.values()].reduce((total, count) => total + count, 0n);
  const said = BigInt(plan.sequence_values_used ?? 0);
  return sum <= said ? back : [...back, `${sum} values of ${wordsOf(taken)} were taken, ${said} are said`];
}

/** How an execution moved sequences in another way than the statement does by itself. */
export function movedOtherwise(direct: Sequences, executed: Sequences): readonly string[] {
  const names = [...new Set([...direct.keys(), ...executed.keys()])];
  const other = names.filter((name) => (direct.get(name) ?? 0n) !== (executed.get(name) ?? 0n));
  return other.map(
    (name) => `${name}: ${direct.get(name) ?? 0n} values directly, ${executed.get(name) ?? 0n} executed`,
  );
}

function wordsOf(taken: Sequences): string {
  return [...taken.keys()].join(', ');
}
