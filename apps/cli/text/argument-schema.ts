import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { visible, visibleJson } from '../../../domain/cards/visible.ts';

type Schema = Readonly<Record<string, JsonValue>>;

/** The arguments that a JSON Schema describes, in words, one a line: `statement  text, required: the SQL statement`. */
export function argumentRows(schema: Schema): readonly (readonly [name: string, what: string])[] {
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
  return Object.entries(objectOf(schema['properties'])).map(([name, property]) => {
    const described = objectOf(property);
    const need = required.has(name) ? 'required' : 'optional';
    const text = typeof described['description'] === 'string' ? `: ${visible(described['description'])}` : '';
    return [visible(name), `${typeText(described)}, ${need}${text}`];
  });
}

const TYPES: Readonly<Record<string, string>> = {
  '"string"': 'text',
  '"integer"': 'whole number',
  '"number"': 'number',
  '"boolean"': 'true or false',
  '"array"': 'list',
  '"object"': 'object',
  '"null"': 'null',
};

function typeText(schema: Schema): string {
  const { const: fixed, enum: choices } = schema;
  if (fixed !== undefined) return `always ${visibleJson(fixed)}`;
  if (Array.isArray(choices)) return `one of ${choices.map(visibleJson).join(', ')}`;
  const types = [schema['type'] ?? []].flat().map((type) => TYPES[JSON.stringify(type)] ?? visibleJson(type));
  const of = schema['items'] === undefined ? '' : ` of ${typeText(objectOf(schema['items']))}`;
  const limits = Object.entries(LIMITS).flatMap(([name, say]) =>
    schema[name] === undefined ? [] : [say(visibleJson(schema[name]))],
  );
  return [`${types.join(' or ') || 'any value'}${of}`, ...limits].join(', ');
}

const LIMITS: Readonly<Record<string, (value: string) => string>> = {
  minLength: (value) => `at least ${value} ${value === '1' ? 'character' : 'characters'}`,
  maxLength: (value) => `at most ${value} ${value === '1' ? 'character' : 'characters'}`,
  minimum: (value) => `at least ${value}`,
  exclusiveMinimum: (value) => `more than ${value}`,
  maximum: (value) => `at most ${value}`,
  exclusiveMaximum: (value) => `less than ${value}`,
  minItems: (value) => `at least ${value} of them`,
  maxItems: (value) => `at most ${value} of them`,
  pattern: (value) => `of the form ${value}`,
  format: (value) => `of the format ${value}`,
  default: (value) => `${value} if left out`,
};

function objectOf(value: JsonValue | undefined): Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : {};
}
