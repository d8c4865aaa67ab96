import { KEYS } from './keys.ts';
import { isOwnAction, type Rule } from '../domain/policy/policy.ts';
import type { RiskLine } from '../domain/policy/risk.ts';
import type { Names } from './names.ts';
import type { Fields, Value } from './value.ts';

/** Every action of the catalogue, but none of Keyturn's own. */
const EVERY_ACTION = '*';

export function readMatch(value: Value | undefined, names: Names): Rule['on'] {
  const fields = value?.fields(KEYS['rules.on']);
  return {
    ...actionsAndEnvironments(fields, names),
    ...(fields?.get('target') ? { target: named(fields, names, 'target') } : {}),
  };
}

/** Reads `on` of a line of the risk policy, which names no targets. */
export function readLineMatch(value: Value, names: Names): NonNullable<RiskLine['on']> {
  return actionsAndEnvironments(value.fields(KEYS['risk.lines.on']), names);
}

function actionsAndEnvironments(
  fields: Fields | undefined,
  names: Names,
): { readonly action: readonly string[]; readonly env: readonly string[] | null } {
  return {
    action: fields ? actionsOf(fields, names) : [],
    env: fields?.get('env') ? named(fields, names, 'env') : null,
  };
}

function actionsOf(fields: Fields, names: Names): readonly string[] {
  const listed = fields.names('action');
  const single = listed.filter((name) => name.text() !== EVERY_ACTION);
  const read = single.map((name) => names.read('action', name));
  if (single.length === listed.length) return read;
  return names
    .all('action')
    .filter((name) => !isOwnAction(name))
    .sort();
}

function named(fields: Fields, names: Names, key: 'env' | 'target'): readonly string[] {
  return fields.names(key).map((name) => names.read(key === 'env' ? 'environment' : key, name));
}
