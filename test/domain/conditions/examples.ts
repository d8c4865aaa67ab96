import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { checkExpression } from '../../../domain/conditions/check.ts';
import { Expression, type Outcome } from '../../../domain/conditions/expression.ts';
import { factTypeOf, type FactType } from '../../../domain/conditions/fact-type.ts';
import { bindFacts, type BoundFacts } from '../../../domain/conditions/binding.ts';

export type Facts = Readonly<Record<string, JsonValue>>;

const text = { type: 'string' };

function objectOf(required: readonly string[], properties: Facts): FactType {
  return factTypeOf({ type: 'object', required, properties, additionalProperties: false });
}

export const VARIABLES: Readonly<Record<string, FactType>> = {
  args: objectOf(['role', 'count', 'ratio', 'tags', 'numbers', 'labels', 'items', 'address'], {
    role: text,
    count: { type: 'integer' },
    ratio: { type: 'number', minimum: 0 },
    tags: { type: 'array', items: text },
    numbers: { type: 'array', items: { type: 'integer' } },
    labels: { type: 'object', additionalProperties: text },
    items: {
      type: 'array',
      items: { type: 'object', required: ['name'], properties: { name: text, port: { type: 'integer' } } },
    },
    address: text,
    limit: { type: 'integer' },
    'dry-run': { type: 'boolean' },
    nested: { type: 'object', properties: { deep: text } },
    either: { type: ['string', 'null'] },
  }),
  resource: objectOf(['env', 'classes'], {
    env: { enum: ['prod', 'staging', 'dev'] },
    classes: { type: 'array', items: { enum: ['pii', 'sox'] } },
  }),
  request: objectOf(['break_glass'], { break_glass: { type: 'boolean' } }),
  plan: objectOf(['rows'], { rows: { type: 'integer' } }),
};

export const ARGUMENTS = {
  role: 'owner',
  count: 5,
  ratio: 0.5,
  tags: ['sox', 'team-a'],
  numbers: [1, 2, 3],
  labels: { team: 'data' },
  items: [{ name: 'web', port: 443 }, { name: 'plain' }],
  address: '10.1.2.3',
} as const satisfies Facts;

export const FACTS = {
  args: ARGUMENTS,
  resource: { env: 'prod', classes: ['pii'] },
  request: { break_glass: false },
} as const satisfies Facts;

/** The facts of the example with other arguments: `undefined` takes one away. */
export function bound(
  args: Readonly<Record<string, JsonValue | undefined>> = {},
  others: Facts = {},
): BoundFacts {
  const merged = Object.entries({ ...ARGUMENTS, ...args }).filter(([, value]) => value !== undefined);
  return bindFacts(VARIABLES, { ...FACTS, args: Object.fromEntries(merged) as JsonValue, ...others });
}

export function evaluate(condition: string, facts: BoundFacts = bound()): Outcome {
  return new Expression(condition).evaluate(facts);
}

/** `5-9 unknown field 'rowz'`, one line a problem. */
export function problems(condition: string): readonly string[] {
  return checkExpression(condition, VARIABLES).map(({ start, end, message }) => `${start}-${end} ${message}`);
}
