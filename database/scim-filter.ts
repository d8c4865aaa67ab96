import { KeyturnError } from '../domain/errors.ts';

/** How an attribute is compared. */
export type FilterOperator = 'eq' | 'ne' | 'co' | 'sw' | 'ew';

/** A filter of RFC 7644 section 3.4.2.2. Attributes are lower-case, without the name of their schema. */
export type Filter =
  | {
      readonly kind: 'compare';
      readonly attribute: string;
      readonly operator: FilterOperator;
      readonly value: string | number | boolean | null;
    }
  | { readonly kind: 'present'; readonly attribute: string }
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Filter[] }
  | { readonly kind: 'not'; readonly term: Filter }
  /** Some element of the attribute fulfils the inner filter. */
  | { readonly kind: 'within'; readonly attribute: string; readonly term: Filter };

/** An attribute as the database has it. */
export type Column =
  | { readonly kind: 'exact' | 'text' | 'flag'; readonly sql: string }
  /** Rows of members: `from` with what its column `value` is. */
  | { readonly kind: 'members'; readonly from: string; readonly value: Column };

/** Attributes that a filter may name, in lower case. */
export type Columns = Readonly<Record<string, Column>>;

/** A condition with its values. Never null: what is not there fulfils no comparison but `ne`. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** The condition of a filter; values are numbered from `first`. Refuses (`invalidFilter`) attributes that have no column. */
export function conditionOf(filter: Filter, columns: Columns, first: number): Condition {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${first - 1 + values.push(value)}`;
  return { sql: sqlOf(filter, columns, bind), values };
}

type Bind = (value: unknown) => string;

function sqlOf(filter: Filter, columns: Columns, bind: Bind): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return `(${filter.terms.map((term) => sqlOf(term, columns, bind)).join(` ${filter.kind} `)})`;
    case 'not':
      return `(not ${sqlOf(filter.term, columns, bind)})`;
    case 'within':
      return within(filter, columns, bind);
    case 'present': {
      const column = columnOf(columns, filter.attribute);
      return column.kind === 'members' ? exists(column.from, 'true') : `(${column.sql} is not null)`;
    }
    case 'compare':
      return compare(columnOf(columns, filter.attribute), filter, bind);
  }
}

function columnOf(columns: Columns, attribute: string): Column {
  const column = Object.hasOwn(columns, attribute) ? columns[attribute] : undefined;
  if (!column) throw unsearchable('The filter names an attribute that cannot be searched by.');
  return column;
}

function within(filter: Filter & { kind: 'within' }, columns: Columns, bind: Bind): string {
  const column = columnOf(columns, filter.attribute);
  if (column.kind !== 'members') throw unsearchable('The attribute has no elements.');
  return exists(column.from, sqlOf(filter.term, { value: column.value }, bind));
}

function exists(from: string, condition: string): string {
  return `exists (select from ${from} and ${condition})`;
}

type Comparison = Filter & { kind: 'compare' };

function compare(column: Column, filter: Comparison, bind: Bind): string {
  if (column.kind === 'members') return exists(column.from, compare(column.value, filter, bind));
  if (filter.value === null) return compareToNothing(column.sql, filter);
  if (column.kind === 'flag') return compareFlag(column.sql, filter, bind);
  if (typeof filter.value !== 'string') throw unsearchable('The filter compares a text with something else.');
  const fold = column.kind === 'text' ? 'lower' : '';
  return TEXT[filter.operator](`${fold}(${column.sql})`, `${fold}(${bind(filter.value)}::text)`);
}

const TEXT: Readonly<Record<FilterOperator, (left: string, right: string) => string>> = {
  eq: (left, right) => `coalesce(${left} = ${right}, false)`,
  ne: (left, right) => `(${left} is distinct from ${right})`,
  co: (left, right) => `coalesce(position(${right} in ${left}) > 0, false)`,
  sw: (left, right) => `coalesce(starts_with(${left}, ${right}), false)`,
  ew: (left, right) => `coalesce(right(${left}, length(${right})) = ${right}, false)`,
};

function compareToNothing(sql: string, { operator }: Comparison): string {
  if (operator === 'eq') return `(${sql} is null)`;
  if (operator === 'ne') return `(${sql} is not null)`;
  throw unsearchable('Nothing can only be equal or not.');
}

/** Some clients send flags as texts. */
function compareFlag(sql: string, { operator, value }: Comparison, bind: Bind): string {
  const wanted = String(value).toLowerCase();
  const isFlag = wanted === 'true' || wanted === 'false';
  if (!isFlag || (operator !== 'eq' && operator !== 'ne'))
    throw unsearchable('A flag can only be equal to true or false, or not.');
  return `(${sql} ${operator === 'eq' ? '=' : '<>'} ${bind(wanted === 'true')}::boolean)`;
}

function unsearchable(message: string): KeyturnError {
  return new KeyturnError('invalid_request', message, { scimType: 'invalidFilter' });
}
