import { KEYS } from './keys.ts';
import { factTypeOf } from '../domain/conditions/fact-type.ts';
import type { FactResolver, LookupTable, OwnersResolver } from '../domain/policy/fact-declarations.ts';
import { argumentName } from '../domain/policy/fact-resolvers.ts';
import type { ActionDefinition } from '../domain/policy/policy.ts';
import type { Names } from './names.ts';
import { didYouMean, quote } from './problem.ts';
import { readNamedSelector } from './selector.ts';
import { fieldName } from './tables.ts';
import type { Fields, Value } from './value.ts';

const RESOLVERS = ['identity', 'target', 'table'] as const;

/** Reads `facts` of an action. The tables must have been read. */
export function readFacts(
  value: Value | undefined,
  action: ActionDefinition,
  names: Names,
): Pick<ActionDefinition, 'facts'> {
  if (!value) return {};
  const facts = value.pairs().map(({ key, value: resolver }) => {
    return [fieldName(key), readResolver(resolver, action, names)] as const;
  });
  return facts.length === 0 ? {} : { facts: Object.fromEntries(facts) };
}

function readResolver(value: Value, action: ActionDefinition, names: Names): FactResolver {
  const fields = value.fields(KEYS['actions.facts.NAME']);
  const resolver = fields.get('resolver')?.choice(RESOLVERS) ?? 'identity';
  const of = readArgument(fields.get('of'), action);
  const table = fields.get('table');
  if (resolver !== 'table') {
    table?.refuse(`only the resolver table looks up a table, not ${resolver}`);
    return { resolver, of };
  }
  if (!table && value.isMapping()) value.refuse("missing 'table': the one to look up");
  return { resolver, of, table: table ? names.read('table', table) : '' };
}

const OWNERS_RESOLVERS = ['table', 'target'] as const;

export interface LookupContext {
  readonly names: Names;
  readonly tables: readonly LookupTable[];
}

/** Reads `owners` of an action. Tables, directory and rotations must have been read. */
export function readOwners(
  value: Value | undefined,
  action: ActionDefinition,
  context: LookupContext,
): Pick<ActionDefinition, 'owners'> {
  return value ? { owners: readOwnersResolver(value, action, context) } : {};
}

function readOwnersResolver(value: Value, action: ActionDefinition, context: LookupContext): OwnersResolver {
  const fields = value.fields(KEYS['actions.owners']);
  const resolver = fields.get('resolver')?.choice(OWNERS_RESOLVERS) ?? 'target';
  const of = readArgument(fields.get('of'), action);
  const at = fields.get('otherwise');
  const otherwise = at ? readNamedSelector(at, context.names) : '';
  if (resolver === 'table') return { resolver, of, ...readColumn(fields, context), otherwise };
  for (const extra of [fields.get('table'), fields.get('column')])
    extra?.refuse('only the resolver table looks up a table, not target');
  return { resolver, of, otherwise };
}

function readColumn(
  fields: Fields,
  { names, tables }: LookupContext,
): { readonly table: string; readonly column: string } {
  // Each is read once: a second reading would report its mistakes twice.
  const [table, column] = [fields.text('table'), fields.text('column')];
  const missing = ['table', 'column'].filter((key) => !fields.get(key));
  if (missing.length > 0 && fields.value.isMapping())
    fields.value.refuse(`missing ${missing.map(quote).join(', ')}: where owners are looked up`);
  names.require('table', table, fields.get('table') ?? fields.value);
  const columns = tables.find(({ id }) => id === table)?.columns;
  if (columns && column !== '') requireSelectors(columns, column, fields);
  return { table, column };
}

/** Only a column of selectors says who owns something. */
function requireSelectors(columns: LookupTable['columns'], column: string, fields: Fields): void {
  const fitting = Object.keys(columns).filter((known) => columns[known] === 'selectors');
  if (fitting.includes(column)) return;
  const table = fields.text('table');
  fields
    .get('column')
    ?.refuse(
      `${quote(column)} is not a column of selectors of the table ${quote(table)}${didYouMean(column, fitting)}`,
    );
}

/** Only text names something. */
function readArgument(value: Value | undefined, { arguments: schema, action }: ActionDefinition): string {
  const of = value?.text() ?? '';
  if (of === '') return of;
  const args = factTypeOf(schema);
  const texts = Object.entries(args.kind === 'object' ? args.fields : {})
    .filter(([, { type }]) => type.kind === 'string')
    .map(([name]) => `args.${name}`);
  const isText = of.startsWith('args.') && texts.includes(`args.${argumentName(of)}`);
  if (!isText) value?.refuse(`${quote(of)} is not a text argument of ${action}${didYouMean(of, texts)}`);
  return of;
}
