import { escapeIdentifier } from 'pg';

/**
 * How a function is called on a target's list: `schema.name`, or both in double quotes where one of them holds a dot or a
 * quote. So no two functions have one name.
 */
export function functionName(schema: string, name: string): string {
  const isPlain = !/[."]/.test(`${schema}${name}`);
  return isPlain ? `${schema}.${name}` : `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
}

/** The same in SQL under our own path, from two columns of type `name`. */
export function functionNameSql(schema: string, name: string): string {
  const quoted = (column: string): string => `replace(${column}::text, '"', '""')`;
  return `case when concat(${schema}, ${name}) ~ '[."]' then format('"%s"."%s"', ${quoted(schema)}, ${quoted(name)})
               else format('%s.%s', ${schema}, ${name}) end`;
}

/** Which function an entry of a list names; null where it could be more than one, or none. */
export function readFunctionName(entry: string): { schema: string; name: string } | null {
  const [, schema, name] = PLAIN.exec(entry) ?? QUOTED.exec(entry) ?? [];
  if (schema === undefined || name === undefined) return null;
  return { schema: unquoted(schema), name: unquoted(name) };
}

const PLAIN = /^([^."]+)\.([^."]+)$/;
const QUOTED = /^("(?:[^"]|"")+")\.("(?:[^"]|"")+")$/;

function unquoted(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part;
}
