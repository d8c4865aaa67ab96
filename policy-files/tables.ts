import { KEYS } from './keys.ts';
import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import type { ColumnType, LookupTable } from '../domain/policy/fact-declarations.ts';
import type { Names } from './names.ts';
import { quote } from './problem.ts';
import { readNamedSelector } from './selector.ts';
import type { Value } from './value.ts';

/** A name that conditions can write after a dot. */
const FIELD = /^[a-z][a-z0-9_]{0,62}$/;

/** What every fact has beside its columns. */
const KNOWN = 'known';

const KINDS: readonly Extract<ColumnType, string>[] = ['text', 'integer', 'flag', 'selectors'];

/** Reads `tables` of `keyturn.yaml`. Directory and rotations must have been read: columns may name who is in them. */
export function readTables(
  value: Value | undefined,
  names: Names,
): { readonly tables?: readonly LookupTable[] } {
  if (!value) return {};
  if (!value.isMapping()) names.markIncomplete('table');
  const tables = value.pairs().map(({ key, value: table }): LookupTable => {
    const id = key.name();
    names.declare('table', id, key);
    return { id, ...readTable(table, names) };
  });
  return tables.length === 0 ? {} : { tables };
}

export function fieldName(key: Value): string {
  const name = key.text();
  if (name !== '' && !FIELD.test(name))
    key.refuse(`${quote(name)} is not a name: lower-case letters, digits and _, a letter first`);
  return name;
}

function readTable(value: Value, names: Names): Omit<LookupTable, 'id'> {
  const fields = value.fields(KEYS['tables.ID']);
  const columns = (fields.get('columns')?.pairs() ?? []).map(
    ({ key, value: type }) => [readColumnName(key), readColumnType(type)] as const,
  );
  const rows = (fields.get('rows')?.pairs() ?? []).map(
    ({ key, value: row }) => [key.text(), readRow(row, columns, names)] as const,
  );
  return { columns: Object.fromEntries(columns), rows: Object.fromEntries(rows) };
}

function readColumnName(key: Value): string {
  const name = fieldName(key);
  if (name === KNOWN) key.refuse(`'${KNOWN}' says whether there is a row: call the column something else`);
  return name;
}

/** A kind of value, or a list of the only words. */
function readColumnType(value: Value): ColumnType {
  if (value.isList()) return value.names().map((word) => word.text());
  const kind = value.text();
  const found = KINDS.find((known) => known === kind);
  if (found === undefined && kind !== '')
    value.refuse(`${quote(kind)} is not a type of column: ${KINDS.join(', ')}, or a list of words`);
  return found ?? 'text';
}

function readRow(
  value: Value,
  columns: readonly (readonly [string, ColumnType])[],
  names: Names,
): Readonly<Record<string, JsonValue>> {
  const fields = value.fields(Object.fromEntries(columns.map(([name]) => [name, 'required' as const])));
  return Object.fromEntries(
    columns.flatMap(([name, type]) => {
      const cell = fields.get(name);
      return cell ? [[name, readCell(cell, type, names)] as const] : [];
    }),
  );
}

const ANY_INTEGER = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER };

function readCell(value: Value, type: ColumnType, names: Names): JsonValue {
  if (typeof type !== 'string') return value.choice(type) ?? '';
  switch (type) {
    case 'text':
      return value.text();
    case 'integer':
      return value.integer(ANY_INTEGER);
    case 'flag':
      return value.flag();
    case 'selectors':
      return readSelectors(value, names);
  }
}

/** One, or a list. `owners` is none of them: that is what they stand for. */
function readSelectors(value: Value, names: Names): JsonValue {
  const entries = value.isList() ? value.names() : [value];
  return entries.map((entry) => readNamedSelector(entry, names));
}
