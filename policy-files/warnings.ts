import type { PolicySet } from '../domain/policy/policy.ts';
import { warningsOf, type PolicyWarning } from '../policy-authoring/warnings.ts';
import { formatProblem, sortByLocation, type PolicyProblem } from './problem.ts';
import type { Value } from './value.ts';

export interface LocatedWarning extends PolicyProblem, Pick<PolicyWarning, 'code' | 'rule'> {}

/** `rules/sql.yaml:6:16 warning condition_constant: message` */
export function formatWarning({ code, message, ...location }: LocatedWarning): string {
  return formatProblem({ ...location, message: `warning ${code}: ${message}` });
}

/** What warnings are about: `keyturn.yaml`, and what each rule was compiled from, by its id. */
export interface WarningRoots {
  readonly settings: Value | undefined;
  readonly rules: ReadonlyMap<string, Value>;
}

/** The warnings of a policy that was compiled without a mistake from these files, by location. */
export function locatedWarnings(policy: PolicySet, roots: WarningRoots): readonly LocatedWarning[] {
  const located = warningsOf(policy).flatMap(({ code, rule, path, message }) => {
    const root = rule === null ? roots.settings : roots.rules.get(rule);
    return root ? [{ ...locationAt(root, path), code, rule, message }] : [];
  });
  // Of the two rules that one with `instead` becomes, each has the mistakes of what both say.
  const alike = Map.groupBy(located, formatWarning);
  return sortByLocation([...alike.values()].flatMap(([first]) => first ?? []));
}

/** Where the path leads. What files leave out has the location of its parent. */
function locationAt(
  root: Value,
  path: PolicyWarning['path'],
): Pick<PolicyProblem, 'file' | 'line' | 'column'> {
  let value = root;
  for (const step of path) {
    const child = childOf(value, step);
    if (!child) break;
    value = child;
  }
  return { file: value.source.file, ...value.position() };
}

function childOf(value: Value, step: string | number): Value | undefined {
  if (typeof step === 'number') return value.children()[step];
  return value.isMapping() ? value.pairs().find(({ name }) => name === step)?.value : undefined;
}
