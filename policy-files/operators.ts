import type { Directory } from '../domain/identity/directory.ts';
import { LIFTS_NEEDED, operatorsOf } from '../domain/execution/kill-switch.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import type { Selector } from '../domain/request/requirement.ts';
import type { Names } from './names.ts';
import { readNamedSelector } from './selector.ts';
import type { Value } from './value.ts';

/** Reads `operators`: who may engage and release kill switches. Left out, nobody may. */
export function readOperators(
  value: Value | undefined,
  names: Names,
  directory: Directory,
): Pick<PolicySet, 'operators'> {
  if (value === undefined) return {};
  const entries = value.names();
  const operators = entries.map((entry) => readOperator(entry, names));
  // What could not be read was already reported.
  const isReadable = entries.length > 0 && !operators.includes('owners') && directory.people.length > 0;
  if (isReadable && operatorsOf(operators, directory).length < LIFTS_NEEDED) {
    value.refuse(`fewer than ${LIFTS_NEEDED} active people: a kill switch could be thrown, but not lifted`);
  }
  return { operators };
}

/** Who may stop everything must not depend on the hour. */
function readOperator(entry: Value, names: Names): Selector {
  if (entry.text().startsWith('oncall:')) {
    entry.refuse('operators are named by group: or user:, not by who is on call');
    return 'owners';
  }
  return readNamedSelector(entry, names);
}
