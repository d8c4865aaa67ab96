import type { Selector } from '../../domain/requirement.ts';
import type { Names } from './names.ts';
import { quote } from './problem.ts';
import type { Value } from './value.ts';

/** `owners`, `group:ID` or `user:ID`, of a group or person that the directory knows. */
export function readSelector(value: Value, names: Names): Selector {
  const text = value.text();
  if (text === 'owners') return text;
  return readNamedSelector(value, names);
}

/** `group:ID` or `user:ID`. */
export function readNamedSelector(value: Value, names: Names): Selector {
  const text = value.text();
  const [kind, id, ...rest] = text.split(':');
  if (kind === 'group' && id && rest.length === 0) {
    names.require('group', id, value);
    return `group:${id}`;
  }
  if (kind === 'user' && id && rest.length === 0) {
    names.require('person', id, value);
    return `user:${id}`;
  }
  if (text === 'owners') value.refuse("'owners' cannot be used here: name a group: or user:");
  else if (text !== '') value.refuse(`${quote(text)} is not a selector: owners, group:ID or user:ID`);
  return 'owners';
}
