import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { evaluateRules } from '../../../domain/policy/evaluation.ts';
import { Expression } from '../../../domain/conditions/expression.ts';
import { bindFacts } from '../../../domain/conditions/binding.ts';
import { factValues, ruleFactTypes, type PolicyFacts } from '../../../domain/policy/built-in-facts.ts';
import type { ActionDefinition } from '../../../domain/policy/policy.ts';
import { ACTION, exampleRule, FACTS, policyOf, TARGET } from '../examples.ts';

const TEXT = { type: 'string' };

const DEEP: ActionDefinition = {
  ...ACTION,
  arguments: {
    type: 'object',
    required: ['role'],
    properties: {
      role: TEXT,
      note: TEXT,
      'x-y': TEXT,
      size: { type: 'integer' },
      labels: { type: 'object', additionalProperties: TEXT },
      names: { type: 'array', items: TEXT },
      box: {
        type: 'object',
        required: ['lid'],
        properties: { lid: TEXT, inner: { type: 'object', properties: { depth: { type: 'integer' } } } },
      },
    },
  },
};

/** Every way to reach a field: by a name, by a key, through objects, maps and lists, as a whole, as a question. */
const CONDITIONS = [
  'args.role == "owner"',
  'args["x-y"] == "owner"',
  'has(args.note) && args.note != ""',
  'has(args.box.inner.depth) && args.box.inner.depth > 3',
  'args.box.lid in args.names || args.role == "x"',
  'args.labels.team == "blue"',
  '"team" in args.labels && args.labels["team"] == args.role',
  'args.names.exists(name, name == args.role)',
  'args.names.all(role, role != "owner") || size(args.labels) > 1',
  'args == args',
  'args.box == args.box',
  '(args.size > 3 ? args.role : args.note) == "owner"',
  'resource.tags.exists(t, t == args.role) || plan.rows > 3 && !request.break_glass',
  'history.requests_24h > 3 || plan.names.exists(n, n == "public.orders")',
];

const anyText: fc.Arbitrary<JsonValue> = fc.constantFrom('owner', 'blue', 'x', '', 7, null);
const anyArguments = fc.record(
  {
    role: anyText,
    note: anyText,
    'x-y': anyText,
    size: fc.constantFrom<JsonValue>(1, 7, 'seven', 1.5),
    labels: fc.constantFrom<JsonValue>({}, { team: 'blue' }, { team: 'owner', a: 'b' }, { team: 7 }, []),
    names: fc.constantFrom<JsonValue>([], ['owner'], ['blue', 'x'], [7], 'owner'),
    box: fc.constantFrom<JsonValue>({ lid: 'blue' }, { lid: 'x', inner: { depth: 7 } }, { inner: {} }, 7),
  },
  { requiredKeys: [] },
);

const WORDS = { true: 'matched', false: 'unmatched', unknown: 'error', error: 'error' } as const;

it('comes to the same for what conditions read as for all facts there are', () => {
  fc.assert(
    fc.property(
      fc.subarray(CONDITIONS, { minLength: 1, maxLength: 4 }),
      anyArguments,
      fc.constantFrom<JsonValue>('blue', 7),
      (conditions, args, tag) => {
        const rules = conditions.map((when, index) => exampleRule(`rule-${index}`, 'forbid', { when }));
        const policy = policyOf(rules, { actions: [DEEP] });
        const target = { ...TARGET, tags: [tag as string] };
        const facts: PolicyFacts = { ...FACTS, target, args: args as PolicyFacts['args'] };
        const all = bindFacts(ruleFactTypes(policy, DEEP), factValues(policy, facts));
        expect(evaluateRules(policy, facts, 'planned').map(({ outcome }) => outcome)).toEqual(
          conditions.map((when) => WORDS[new Expression(when).evaluate(all).kind]),
        );
      },
    ),
    { numRuns: 500 },
  );
});
