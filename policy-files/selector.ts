import type { Selector } from '../domain/request/requirement.ts';
import type { NameKind, Names } from './names.ts';
import { quote } from './problem.ts';
import type { Value } from './value.ts';

/** What the part of a selector before the colon says about the part after it. */
const KINDS = { group: 'group', user: 'person', oncall: 'rotation' } as const satisfies Record<
  string,
  NameKind
>;

/** `owners`, or a selector that names a group, person or rotation that the policy knows. */
export function readSelector(value: Value, names: Names): Selector {
  const text = value.text();
  if (text === 'owners') return text;
  return readNamedSelector(value, names);
}

/** `group:ID`, `user:ID` or `oncall:ID`. */
export function readNamedSelector(value: Value, names: Names): Selector {
  const text = value.text();
  const [kind = '', id, ...rest] = text.split(':');
  if (isKind(kind) && id && rest.length === 0) {
    names.require(KINDS[kind], id, value);
    return `${kind}:${id}`;
  }
  if (text === 'owners') value.refuse("'owners' cannot be used here: name a group:, user: or oncall:");
  else if (text !== '')
    value.refuse(`${quote(text)} is not a selector: owners, group:ID, user:ID or oncall:ID`);
  return 'owners';
}

function isKind(kind: string): kind is keyof typeof KINDS {
  return Object.hasOwn(KINDS, kind);
}
