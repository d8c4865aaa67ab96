export { didYouMean, quote } from '../domain/conditions/did-you-mean.ts';

/** One mistake in a policy folder, with its exact location. `file` is relative to the folder. */
export interface PolicyProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** `rules/sql.yaml:6:16 message`, the form that editors turn into a link. */
export function formatProblem(problem: PolicyProblem): string {
  return `${problem.file}:${problem.line}:${problem.column} ${problem.message}`;
}

/** Problems by file, then by location; what two checks found alike appears once. */
export function sortProblems(problems: readonly PolicyProblem[]): readonly PolicyProblem[] {
  const unique = new Map(problems.map((problem) => [formatProblem(problem), problem]));
  return sortByLocation([...unique.values()]);
}

/** By file, then by location; problems at one location keep their order. */
export function sortByLocation<Problem extends PolicyProblem>(
  problems: readonly Problem[],
): readonly Problem[] {
  return [...problems].sort(
    (left, right) => compare(left.file, right.file) || left.line - right.line || left.column - right.column,
  );
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
