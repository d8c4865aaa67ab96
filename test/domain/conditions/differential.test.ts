import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { checkExpression } from '../../../domain/conditions/check.ts';
import { Expression } from '../../../domain/conditions/expression.ts';
import { bindFacts, type BoundFacts } from '../../../domain/conditions/binding.ts';
import { anyCondition, someFacts, typedCondition } from './conditions.ts';
import { bound, VARIABLES } from './examples.ts';
import { secondOpinion } from './second-engine.ts';

/** What can happen to a checked condition on sound facts. Types are not among it. */
const HARMLESS =
  /^(?:no such key|no such index|division by zero|the number is too large|the text is not an IP address|the text is too long)/u;

/** Refusals of conditions whose types fit. */
const SIZE =
  /longer than|Exceeded|more than 8|reads no fact|is not one of|^no [a-z ]+ (?:with|that)|comprehension inside/u;

/** What conditions are made of, and what lexers stumble over. */
const SYMBOLS = Array.from('()[]{}.,:?!&|=<>+-*/%"\'\\ab10_ \n\0é👩\ud800');

function ours(condition: string, facts: BoundFacts): 'true' | 'false' | 'error' {
  const outcome = new Expression(condition).evaluate(facts);
  if (outcome.kind === 'error') expect(outcome.message).toMatch(HARMLESS);
  return outcome.kind === 'unknown' ? 'error' : outcome.kind;
}

it('two implementations of the language agree about every condition that the check accepts', () => {
  const counts = { true: 0, false: 0, error: 0 };
  fc.assert(
    fc.property(typedCondition, fc.array(someFacts, { minLength: 4, maxLength: 4 }), (condition, samples) => {
      const problems = checkExpression(condition, VARIABLES);
      for (const { message } of problems) expect(message).toMatch(SIZE);
      fc.pre(problems.length === 0);
      for (const facts of samples) {
        const known = bindFacts(VARIABLES, facts);
        expect(known.violations).toEqual([]);
        const outcome = ours(condition, known);
        counts[outcome] += 1;
        expect(outcome).toBe(secondOpinion(condition, known));
      }
    }),
    { numRuns: 1_200 },
  );
  // Agreement about errors alone would say nothing.
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(100);
}, 60_000);

it('a condition that the check accepts never meets a type that does not fit', () => {
  let accepted = 0;
  fc.assert(
    fc.property(anyCondition, someFacts, (condition, facts) => {
      if (checkExpression(condition, VARIABLES).length > 0) return;
      accepted += 1;
      const known = bindFacts(VARIABLES, facts);
      expect(ours(condition, known)).toBe(secondOpinion(condition, known));
    }),
    { numRuns: 6_000 },
  );
  expect(accepted).toBeGreaterThan(20);
}, 60_000);

it('nothing throws, whatever the text', () => {
  fc.assert(
    fc.property(fc.oneof(anyCondition, fc.string({ unit: fc.constantFrom(...SYMBOLS) })), (condition) => {
      checkExpression(condition, VARIABLES);
      const expression = new Expression(condition);
      expression.evaluate(bound());
      expression.valuesRead(bound());
    }),
    { numRuns: 1_500 },
  );
}, 60_000);
