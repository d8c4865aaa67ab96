import { factTypeOf } from '../../domain/expressions/fact-type.ts';
import type { FactResolver } from '../../domain/fact-declarations.ts';
import { argumentName } from '../../domain/fact-resolvers.ts';
import type { ActionDefinition } from '../../domain/policy.ts';
import type { Names } from './names.ts';
import { didYouMean, quote } from './problem.ts';
import { fieldName } from './tables.ts';
import type { Value } from './value.ts';

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
  const fields = value.fields({ resolver: 'required', of: 'required', table: 'optional' });
  const resolver = fields.get('resolver')?.choice(RESOLVERS) ?? 'identity';
  const of = readArgument(fields.get('of'), action);
  const table = fields.get('table');
  if (resolver !== 'table') {
    table?.refuse(`only the resolver table looks up a table, not ${resolver}`);
    return { resolver, of };
  }
  if (table) names.require('table', table.text(), table);
  else if (value.isMapping()) value.refuse("missing 'table': the one to look up");
  return { resolver, of, table: table?.text() ?? '' };
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
  if (!isText) value?.refuse(`${quote(of)} is no text argument of ${action}${didYouMean(of, texts)}`);
  return of;
}
