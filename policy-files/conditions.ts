import { isScalar } from 'yaml';

import { checkExpression } from '../domain/conditions/check.ts';
import { allOf } from '../domain/conditions/combined.ts';
import { Expression } from '../domain/conditions/expression.ts';
import type { FactTypes } from '../domain/policy/built-in-facts.ts';
import { remembered } from '../domain/once-per.ts';
import type { Value } from './value.ts';

/** The facts that a condition may read, by the action it is about. */
export type TypesByAction = ReadonlyMap<string, FactTypes>;

/** The facts of these actions; actions that the catalogue lacks have none, which is reported elsewhere. */
export function typesOn(actions: readonly string[], types: TypesByAction): TypesByAction {
  return new Map([...types].filter(([action]) => actions.includes(action)));
}

/** Longer conditions are refused: nobody could review them. */
const LENGTH_MAX = 2_048;

/** Reads a condition and checks it against the facts of every action that it is about. Problems carry their exact location. */
export function readCondition(value: Value, types: TypesByAction): string {
  const text = conditionText(value);
  if (text === '') return text;
  const problems = new Map<string, { readonly start: number; readonly actions: string[] }>();
  for (const [action, facts] of types) {
    for (const { start, message: found } of checkExpression(text, facts)) {
      const isOpen = found.startsWith("unknown variable 'calendar'");
      const message = (isOpen ? calendarHint(facts) : null) ?? found;
      remembered(problems, `${start} ${message}`, () => ({ start, actions: [] })).actions.push(action);
    }
  }
  const positions = problems.size > 0 ? positionsInSource(value) : [];
  for (const [key, { start, actions }] of problems) {
    const message = key.slice(key.indexOf(' ') + 1);
    const where = actions.length < types.size ? ` (for ${actions.join(', ')})` : '';
    value.at(positions[start]).refuse(`when: ${message}${where}`);
  }
  return text;
}

/** Refuses a condition to which another was added, each good by itself, where the two together are too large. */
export function checkCombined(value: Value, parts: readonly string[], types: TypesByAction): void {
  const combined = allOf(...parts);
  const size = `longer than ${LENGTH_MAX} characters`;
  const found = combined.length > LENGTH_MAX ? size : mistakeIn(combined, types);
  if (found !== undefined && parts.every((part) => mistakeIn(part, types) === undefined))
    value.refuse(`${found} together with the condition that is added to it`);
}

function mistakeIn(text: string, types: TypesByAction): string | undefined {
  return [...types.values()].flatMap((facts) => checkExpression(text, facts))[0]?.message;
}

/** The same facts where nothing says which of several calendars `calendar` is. */
export function withoutDefaultCalendar({ calendar: _calendar, ...facts }: FactTypes): FactTypes {
  return facts;
}

function calendarHint({ calendars }: FactTypes): string | null {
  if (calendars?.kind !== 'object') return null;
  const [first = ''] = Object.keys(calendars.fields);
  return `which calendar? Name the default one in keyturn.yaml (calendar: ${first}), or read calendars.${first}`;
}

/**
 * The same for a condition that only applies where its facts exist: an action without a plan has no facts of plans.
 * A condition that applies to no action at all is a mistake.
 */
export function readPartialCondition(value: Value, types: TypesByAction): string {
  const roots = rootsOf(value);
  const applicable = [...types].filter(([, facts]) => roots.every((root) => Object.hasOwn(facts, root)));
  return readCondition(value, applicable.length > 0 ? new Map(applicable) : types);
}

function rootsOf(value: Value): readonly string[] {
  const text = scalarText(value);
  return text === null ? [] : [...new Expression(text).roots];
}

function scalarText(value: Value): string | null {
  return isScalar(value.node) && typeof value.node.value === 'string' ? value.node.value : null;
}

function conditionText(value: Value): string {
  const text = scalarText(value);
  if (text === null) return value.text();
  if (text.trim() === '') value.refuse('an empty condition');
  else if (text.length > LENGTH_MAX) value.refuse(`a condition longer than ${LENGTH_MAX} characters`);
  // Line breaks are fine in a condition; whatever reorders or hides text is not.
  else if (/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u.test(text.replaceAll('\n', ' ')))
    value.refuse('holds control or invisible characters');
  else return text;
  return '';
}

/**
 * For each character of a text value, and for its end, its offset in the file: quotes, escapes, indentation and folded line
 * breaks are what the file has more. Follows the text through the file, so every style of YAML scalar is understood.
 */
function positionsInSource(value: Value): readonly number[] {
  const { node, source } = value;
  if (!isScalar(node) || typeof node.value !== 'string' || !node.range) return [];
  const [start, end] = node.range;
  const walk = {
    text: source.text.slice(start, end),
    at: openingOf(node.type, source.text.slice(start, end)),
  };
  const positions = Array.from(node.value).flatMap((character) => {
    const position = start + find(walk, character);
    // Characters outside of the basic plane take two positions of a JavaScript string.
    return Array.from({ length: character.length }, () => position);
  });
  return [...positions, start + walk.at];
}

interface Walk {
  readonly text: string;
  at: number;
}

/** Behind the opening quote, or behind the line that introduces a block. */
function openingOf(type: string | undefined, text: string): number {
  if (type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE') return 1;
  return type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED' ? text.indexOf('\n') + 1 : 0;
}

/** The offset at which the next character of the value stands; moves behind it. */
function find(walk: Walk, character: string): number {
  for (let at = walk.at; at < walk.text.length; at += 1) {
    const found = walk.text.slice(at, at + character.length);
    const isFolded = /\s/.test(character) && /\s/.test(found);
    if (found !== character && !isFolded) continue;
    walk.at = at + character.length;
    return at;
  }
  return walk.at;
}
