import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { factTypeOf } from '../../../domain/conditions/fact-type.ts';
import { bindFacts } from '../../../domain/conditions/binding.ts';

const STRING = { kind: 'string', enum: null };

it.each<[JsonValue, unknown]>([
  [{ type: 'string', format: 'date-time', pattern: '^a' }, STRING],
  [
    { type: 'string', enum: ['a', 'b', 'a'] },
    { kind: 'string', enum: ['a', 'b'] },
  ],
  [{ const: 'a' }, { kind: 'string', enum: ['a'] }],
  [{ enum: [1, 2] }, { kind: 'int' }],
  [{ enum: [1, 2.5] }, { kind: 'double' }],
  [{ type: 'integer', minimum: 1 }, { kind: 'int' }],
  [{ type: 'number' }, { kind: 'double' }],
  [{ type: 'boolean' }, { kind: 'bool' }],
  [
    { type: 'array', items: { type: 'string' } },
    { kind: 'list', items: STRING },
  ],
  [{ type: 'array' }, { kind: 'list', items: { kind: 'any' } }],
  [
    { type: 'object', additionalProperties: { type: 'string' } },
    { kind: 'map', values: STRING },
  ],
  [
    { type: 'object', properties: { a: { type: 'string' }, b: { type: 'boolean' } }, required: ['b'] },
    {
      kind: 'object',
      fields: { a: { type: STRING, optional: true }, b: { type: { kind: 'bool' }, optional: false } },
    },
  ],
  [{ type: 'object' }, { kind: 'object', fields: {} }],
])('reads %j', (schema, type) => {
  expect(factTypeOf(schema)).toEqual(type);
});

it.each<[JsonValue]>([
  [{}],
  [true],
  [null],
  [[]],
  [{ type: ['string', 'null'] }],
  [{ type: 'null' }],
  [{ type: 'string', oneOf: [{ minLength: 1 }] }],
  [{ type: 'string', enum: ['a', null] }],
  [{ enum: [] }],
  [{ type: 'string', const: 1 }],
  [{ $ref: '#/$defs/a' }],
  [{ type: 'object', patternProperties: {} }],
  [{ type: 'string', unheard: 1 }],
])('takes %j for a value of any type', (schema) => {
  expect(factTypeOf(schema)).toEqual({ kind: 'any' });
});

it('ends on a schema that is nested without end', () => {
  let schema: JsonValue = { type: 'string' };
  for (let depth = 0; depth < 10_000; depth += 1) schema = { type: 'array', items: schema };
  expect(() => factTypeOf(schema)).not.toThrow();
});

it('does not confuse a property called __proto__ with a prototype', () => {
  const schema = JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}') as JsonValue;
  const type = factTypeOf(schema);
  expect(type.kind === 'object' && Object.keys(type.fields)).toEqual(['__proto__']);
});

const anySchema = fc.letrec<{ schema: Readonly<Record<string, JsonValue>> }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Readonly<Record<string, JsonValue>>>(
      { type: 'string' },
      { type: 'integer' },
      { type: 'number' },
      { type: 'boolean' },
      { enum: ['a', 'b'] },
      { const: 'a' },
      { type: ['string', 'integer'] },
      {},
    ),
    fc.record({ type: fc.constant('array'), items: tie('schema') }),
    fc.record({ type: fc.constant('object'), additionalProperties: tie('schema') }),
    fc.record({
      type: fc.constant('object'),
      properties: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema')),
      required: fc.subarray(['a', 'b', 'c']),
    }),
  ),
})).schema;

const anyValue = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<JsonValue>('a', 'b', 'x', 0, 1, -3, 2.5, true, false, null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value')),
  ),
})).value;

it('accepts every value that the schema accepts', () => {
  const ajv = new Ajv2020({ strict: false, addUsedSchema: false });
  fc.assert(
    fc.property(anySchema, fc.array(anyValue, { minLength: 20, maxLength: 20 }), (schema, values) => {
      const isValid = ajv.compile(schema);
      for (const value of values.filter((candidate) => isValid(candidate))) {
        expect(bindFacts({ fact: factTypeOf(schema) }, { fact: value }).violations).toEqual([]);
      }
    }),
    { numRuns: 80 },
  );
}, 30_000);
