import type { z } from 'zod';

type Issue = Parameters<z.core.$ZodErrorMap>[0];

/**
 * What is wrong with a value, for people, where its schema has no message of its own. It quotes nothing of the value, which
 * may be secret.
 */
export const mistakeText: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'invalid_type')
    return issue.input === undefined ? 'is missing' : `must be ${KINDS[issue.expected] ?? issue.expected}`;
  if (issue.code === 'too_big') return limitText(issue.origin, issue.inclusive, ['at most', issue.maximum]);
  if (issue.code === 'too_small')
    return limitText(issue.origin, issue.inclusive, ['at least', issue.minimum]);
  return otherText(issue);
};

function otherText(issue: Issue): string {
  if (issue.code === 'invalid_value')
    return `must be ${issue.values.map((value) => String(value)).join(' or ')}`;
  if (issue.code === 'invalid_format')
    return FORMATS[issue.format] ?? 'must have the form that /docs describes';
  if (issue.code === 'not_multiple_of') return `must be a multiple of ${issue.divisor}`;
  return 'must be as /docs describes';
}

/** `must have at most 200 characters` */
function limitText(
  origin: string,
  isInclusive = true,
  [bound, limit]: readonly [bound: string, limit: number | bigint],
): string {
  const unit = UNITS[origin];
  const range = isInclusive ? `${bound} ${limit}` : `${bound === 'at most' ? 'less' : 'more'} than ${limit}`;
  return unit === undefined ? `must be ${range}` : `must have ${range} ${unit}`;
}

const UNITS: Readonly<Record<string, string>> = {
  string: 'characters',
  array: 'elements',
  object: 'fields',
  record: 'fields',
};

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'an array',
  null: 'null',
};

const FORMATS: Readonly<Record<string, string>> = {
  url: 'must be a URL that begins with http:// or https://',
  datetime: 'must be an instant such as 2026-01-05T10:00:00Z',
};

/** The mistakes that a schema found, each with its path: one for every unknown field. */
export function mistakesOf(
  issues: readonly z.core.$ZodIssue[],
): readonly { readonly path: string; readonly message: string }[] {
  return issues.flatMap(({ path, ...issue }) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: pointerOf([...path, key]), message: 'There is no such field.' }))
      : [{ path: pointerOf(path), message: issue.message.slice(0, 300) }],
  );
}

function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).slice(0, 100)}`).join('');
}
