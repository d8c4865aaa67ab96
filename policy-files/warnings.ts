import type { PolicySet } from '../domain/policy/policy.ts';
import { warningsOf, type PolicyWarning } from '../policy-authoring/warnings.ts';
import { formatProblem, sortByPlace, type PolicyProblem } from './problem.ts';
import type { Value } from './value.ts';

/** A warning at its exact place in the folder. */
export interface PlacedWarning extends PolicyProblem, Pick<PolicyWarning, 'code' | 'rule'> {}

/** `rules/sql.yaml:6:16 warning condition_constant: message` */
export function formatWarning({ code, message, ...place }: PlacedWarning): string {
  return formatProblem({ ...place, message: `warning ${code}: ${message}` });
}

/** What warnings are about: `keyturn.yaml`, and what each rule was compiled from, by its id. */
export interface WarningPlaces {
  readonly settings: Value | undefined;
  readonly rules: ReadonlyMap<string, Value>;
}

/** The warnings of a policy that was compiled without a mistake from these files, by place. */
export function placedWarnings(policy: PolicySet, places: WarningPlaces): readonly PlacedWarning[] {
  const placed = warningsOf(policy).flatMap(({ code, rule, path, message }) => {
    const root = rule === null ? places.settings : places.rules.get(rule);
    return root ? [{ ...placeAt(root, path), code, rule, message }] : [];
  });
  return sortByPlace(distinct(placed));
}

/** Of the two rules that one with `instead` becomes, each has the mistakes of what both say. */
function distinct(warnings: readonly PlacedWarning[]): readonly PlacedWarning[] {
  const first = new Map<string, PlacedWarning>();
  for (const warning of warnings) {
    const key = formatWarning(warning);
    if (!first.has(key)) first.set(key, warning);
  }
  return [...first.values()];
}

/** Where the path leads. What files leave out has the place of what it would stand in. */
function placeAt(root: Value, path: PolicyWarning['path']): Pick<PolicyProblem, 'file' | 'line' | 'column'> {
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
