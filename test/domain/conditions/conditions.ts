import * as fc from 'fast-check';

import type { Facts } from './examples.ts';

interface Grammar {
  readonly bool: string;
  readonly int: string;
  readonly double: string;
  readonly string: string;
}

const anyOf = (...choices: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...choices);

const patternCall = anyOf(
  're2(args.role, "^o.*r$")',
  're2(args.role, "a+")',
  'glob(args.role, "o*")',
  'glob(args.role, "**/?")',
  'cidr(args.address, "10.0.0.0/8")',
  'cidr(args.address, "2001:db8::/32")',
);

const guarded = anyOf(
  'has(args.limit) && args.limit > 1',
  '!has(args.limit) || args.limit < 3',
  '(has(args.limit) ? args.limit : args.count) == 2',
  'has(args.nested) && has(args.nested.deep) && args.nested.deep == "owner"',
  '"dry-run" in args && args["dry-run"]',
  'has(args.labels.team) && args.labels.team == "owner"',
  '"owner" in args.labels',
  'args.labels[args.role] == "a"',
  'args.items.exists(i, has(i.port) && i.port > 1)',
  'args.items.all(i, i.name == "owner" || has(i.port))',
);

const lists = anyOf(
  'args.tags',
  'args.labels',
  '["owner", "a"]',
  'args.tags.filter(f, f != "a")',
  'args.tags.map(m, m + "a")',
);
const numbers = anyOf(
  'args.numbers',
  '[1, 2]',
  'args.numbers.filter(f, f > 0)',
  'args.numbers.map(m, m % 2 == 0, m * 2)',
);
const quantifier = anyOf('exists', 'all', 'exists_one');

/** Conditions whose parts fit: each is accepted by the check unless it grows too large or reads nothing. */
export const typedCondition: fc.Arbitrary<string> = fc.letrec<Grammar>((tie: fc.LetrecTypedTie<Grammar>) => {
  const binary = (
    operators: fc.Arbitrary<string>,
    side: 'int' | 'double' | 'string' | 'bool',
  ): fc.Arbitrary<string> => fc.tuple(tie(side), operators, tie(side)).map((parts) => `(${parts.join(' ')})`);
  const choice = (side: keyof Grammar): fc.Arbitrary<string> =>
    fc.tuple(tie('bool'), tie(side), tie(side)).map(([test, yes, no]) => `(${test} ? ${yes} : ${no})`);
  const order = anyOf('<', '<=', '>', '>=');
  return {
    bool: fc
      .oneof(
        { maxDepth: 4, withCrossShrink: true },
        anyOf(
          'request.break_glass',
          'true',
          'false',
          'args.count == 5',
          'plan.rows > 1',
          'resource.env == "prod"',
        ),
        guarded,
        patternCall,
        binary(fc.oneof(order, anyOf('==', '!=')), 'int'),
        binary(fc.oneof(order, anyOf('==', '!=')), 'double'),
        fc.tuple(tie('int'), order, tie('double')).map((parts) => `(${parts.join(' ')})`),
        binary(anyOf('==', '!='), 'string'),
        binary(anyOf('&&', '||'), 'bool'),
        binary(anyOf('&&', '||'), 'bool'),
        tie('bool').map((inner) => `!${inner}`),
        choice('bool'),
        fc.tuple(tie('string'), lists).map(([item, list]) => `(${item} in ${list})`),
        fc.tuple(tie('int'), numbers).map(([item, list]) => `(${item} in ${list})`),
        fc
          .tuple(lists, quantifier, tie('string'))
          .map(([list, name, side]) => `${list}.${name}(t, t == ${side})`),
        fc
          .tuple(numbers, quantifier, tie('int'))
          .map(([list, name, side]) => `${list}.${name}(n, 2 / n > ${side})`),
        fc
          .tuple(tie('string'), anyOf('startsWith', 'endsWith', 'contains'), anyOf('a', 'o', 'é', ''))
          .map(([text, name, part]) => `${text}.${name}("${part}")`),
      )
      .map((inner) => `(${inner})`),
    int: fc.oneof(
      { maxDepth: 3 },
      anyOf(
        '0',
        '1',
        '2',
        '-3',
        '9007199254740991',
        'args.count',
        'plan.rows',
        'args.numbers[0]',
        'size(args.tags)',
      ),
      binary(anyOf('+', '-', '*', '/', '%'), 'int'),
      tie('int').map((inner) => `-(${inner})`),
      tie('string').map((inner) => `size(${inner})`),
      choice('int'),
    ),
    double: fc.oneof(
      { maxDepth: 3 },
      anyOf('0.0', '0.5', '-1.5', '1e3', 'args.ratio'),
      binary(anyOf('+', '-', '*'), 'double'),
      tie('double').map((inner) => `(${inner} / 2.0)`),
      tie('int').map((inner) => `double(${inner})`),
      choice('double'),
    ),
    string: fc.oneof(
      { maxDepth: 3 },
      anyOf('""', '"a"', '"owner"', '"é👩"', 'args.role', 'resource.env', 'args.tags[0]', 'args.address'),
      binary(anyOf('+'), 'string'),
      tie('int').map((inner) => `string(${inner})`),
      choice('string'),
    ),
  };
}).bool;

/** Parts put together without regard to types. Most of these conditions are refused. */
export const anyCondition: fc.Arbitrary<string> = fc.letrec<{ any: string }>(
  (tie: fc.LetrecTypedTie<{ any: string }>) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      anyOf(
        '1',
        '0.5',
        '"a"',
        'true',
        '[1, 2]',
        '["owner"]',
        'null',
        '[]',
        '{}',
        't',
        'args',
        'plan',
        'resource',
      ),
      anyOf(
        'args.role',
        'args.count',
        'args.ratio',
        'args.tags',
        'args.numbers',
        'args.labels',
        'args.items',
        'args.limit',
      ),
      anyOf(
        'args.items[0].name',
        'args.nested',
        'args.either',
        'resource.env',
        'resource.classes',
        'request.break_glass',
      ),
      fc
        .tuple(
          tie('any'),
          anyOf('==', '!=', '<', '>=', 'in', '+', '-', '*', '/', '%', '&&', '||'),
          tie('any'),
        )
        .map((parts) => `(${parts.join(' ')})`),
      fc.tuple(anyOf('!', '-'), tie('any')).map((parts) => parts.join('')),
      fc.tuple(tie('any'), tie('any'), tie('any')).map(([test, yes, no]) => `(${test} ? ${yes} : ${no})`),
      fc.tuple(tie('any'), tie('any')).map(([owner, index]) => `${owner}[${index}]`),
      fc.tuple(tie('any'), anyOf('role', 'name', 'port', 'limit')).map((parts) => parts.join('.')),
      fc
        .tuple(anyOf('has', 'size', 'string', 'double'), tie('any'))
        .map(([name, value]) => `${name}(${value})`),
      fc
        .tuple(tie('any'), anyOf('startsWith', 'contains', 'size', 'map', 'exists'), tie('any'))
        .map(([value, name, parameter]) => `${value}.${name}(${parameter})`),
      fc
        .tuple(tie('any'), anyOf('exists', 'all', 'exists_one', 'filter', 'map'), tie('any'))
        .map(([list, name, body]) => `${list}.${name}(t, ${body})`),
    ),
  }),
).any;

const shortText = anyOf('owner', 'a', 'b', '', 'é👩', 'prod', 'a/b');
const number = fc.oneof(fc.integer({ min: -3, max: 6 }), fc.maxSafeInteger());

/** Facts of the right types for the variables of the examples; the plan is not always known. */
export const someFacts: fc.Arbitrary<Facts> = fc.record(
  {
    args: fc.record(
      {
        role: shortText,
        count: number,
        ratio: fc.oneof(
          anyOf('0.5', '2', '-1.5').map(Number),
          fc.double({ min: -9e15, max: 9e15, noNaN: true }),
        ),
        tags: fc.array(shortText, { maxLength: 3 }),
        numbers: fc.array(number, { maxLength: 3 }),
        labels: fc.dictionary(anyOf('team', 'owner', 'a'), shortText),
        items: fc.array(fc.record({ name: shortText, port: number }, { requiredKeys: ['name'] }), {
          maxLength: 2,
        }),
        address: anyOf('10.1.2.3', '192.0.2.1', '2001:db8::1', '::ffff:10.0.0.1', 'nowhere'),
        limit: number,
        'dry-run': fc.boolean(),
        nested: fc.record({ deep: shortText }, { requiredKeys: [] }),
      },
      { requiredKeys: ['role', 'count', 'ratio', 'tags', 'numbers', 'labels', 'items', 'address'] },
    ),
    resource: fc.record({
      env: anyOf('prod', 'staging', 'dev'),
      classes: fc.array(anyOf('pii', 'sox'), { maxLength: 2 }),
    }),
    request: fc.record({ break_glass: fc.boolean() }),
    plan: fc.record({ rows: number }),
  },
  { requiredKeys: ['args', 'resource', 'request'] },
) as fc.Arbitrary<Facts>;
