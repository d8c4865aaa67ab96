import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { scimRefusal } from '../http/scim-errors.ts';

/** Attributes of an object by lower-case name: SCIM names are case-insensitive (RFC 7643 section 2.1). */
export type Attributes = ReadonlyMap<string, JsonValue>;

/** Names are shorter, and a database index takes not much more. */
export const TEXT_CHARACTERS_MAX = 512;

/** The attributes of a JSON object. Refuses (`invalidSyntax`) anything else, and duplicate names. */
export function attributesOf(value: unknown, what: string): Attributes {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw scimRefusal('invalidSyntax', `${what} must be an object.`);
  const attributes = new Map<string, JsonValue>();
  for (const [name, content] of Object.entries(value as Readonly<Record<string, JsonValue>>)) {
    const key = name.toLowerCase();
    if (attributes.has(key)) throw scimRefusal('invalidSyntax', `${what} has an attribute twice.`);
    attributes.set(key, content);
  }
  return attributes;
}

/** The attributes of a body that names this schema. Refuses (`invalidSyntax`) one that does not. */
export function bodyOf(body: unknown, schema: string): Attributes {
  const attributes = attributesOf(body, 'The body');
  const schemas = attributes.get('schemas');
  const isOfSchema =
    Array.isArray(schemas) &&
    schemas.some((entry) => typeof entry === 'string' && entry.toLowerCase() === schema.toLowerCase());
  if (!isOfSchema) throw scimRefusal('invalidSyntax', `The schemas of the body do not name ${schema}.`);
  return attributes;
}

/** A text, or null for one that is not given or empty. Refuses (`invalidValue`) anything else, and long texts. */
export function textOf(value: JsonValue | undefined, name: string): string | null {
  if (value === undefined || value === null || value === '') return null;
  if (typeof value !== 'string' || value.length > TEXT_CHARACTERS_MAX)
    throw scimRefusal(
      'invalidValue',
      `${name} must be a string of at most ${TEXT_CHARACTERS_MAX} characters.`,
    );
  return value;
}

/** A text that must be there. */
export function requiredText(value: JsonValue | undefined, name: string): string {
  const text = textOf(value, name);
  if (text === null || text.trim() === '') throw scimRefusal('invalidValue', `${name} is required.`);
  return text;
}

/** A flag. One known provider sends it as the text "True" or "False". Refuses (`invalidValue`) anything else. */
export function flagOf(value: JsonValue | undefined, name: string): boolean {
  const word = typeof value === 'string' ? value.toLowerCase() : value;
  if (word === true || word === 'true') return true;
  if (word === false || word === 'false') return false;
  throw scimRefusal('invalidValue', `${name} must be true or false.`);
}
