import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { attributesOf, bodyOf } from './attributes.ts';
import { scimRefusal } from '../http/scim-errors.ts';
import { parsePath, type ScimPath } from './filter.ts';

/** The schema of a PATCH body. */
export const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const OPERATIONS_MAX = 1_000;

/** One change of one attribute. `remove` may name values: some providers remove elements by listing them. */
export interface Change {
  readonly operation: 'add' | 'replace' | 'remove';
  readonly path: ScimPath;
  readonly value: JsonValue | undefined;
}

/**
 * The changes of a PATCH body (RFC 7644 section 3.5.2), in order. An operation without a path means one change for each
 * attribute of its value. Operations may be in capitals, as one known provider writes them.
 */
export function changesOf(body: unknown): readonly Change[] {
  const operations = bodyOf(body, PATCH_SCHEMA).get('operations');
  if (!Array.isArray(operations) || operations.length === 0)
    throw scimRefusal('invalidSyntax', 'Operations must be an array of at least one operation.');
  if (operations.length > OPERATIONS_MAX)
    throw scimRefusal(
      'invalidSyntax',
      `There are more than ${OPERATIONS_MAX} operations. Send them in several calls.`,
    );
  return operations.flatMap(changesOfOperation);
}

function changesOfOperation(written: JsonValue): readonly Change[] {
  const attributes = attributesOf(written, 'An operation');
  const operation = operationOf(attributes.get('op'));
  const value = attributes.get('value');
  const path = attributes.get('path');
  if (path !== undefined && path !== null && path !== '')
    return [{ operation, path: pathOf(path), value: operation === 'remove' ? value : given(value) }];
  if (operation === 'remove') throw scimRefusal('noTarget', 'A remove operation needs a path.');
  return Object.entries(objectOf(value)).map(([name, content]) => ({
    operation,
    path: pathOf(name),
    value: content,
  }));
}

function operationOf(written: JsonValue | undefined): Change['operation'] {
  const operation = typeof written === 'string' ? written.toLowerCase() : '';
  if (operation === 'add' || operation === 'replace' || operation === 'remove') return operation;
  throw scimRefusal('invalidSyntax', 'An operation must be add, replace or remove.');
}

function pathOf(written: JsonValue): ScimPath {
  if (typeof written !== 'string') throw scimRefusal('invalidPath', 'A path must be a string.');
  // Extensions are named by a URN with colons and dots of its own; nothing of them is stored.
  if (/^urn:/i.test(written) && !/^urn:ietf:params:scim:schemas:core:2\.0:(User|Group):/i.test(written))
    return { attribute: 'urn', term: null, part: null };
  try {
    return parsePath(written);
  } catch {
    throw scimRefusal('invalidPath', 'A path cannot be read.');
  }
}

function given(value: JsonValue | undefined): JsonValue {
  if (value === undefined) throw scimRefusal('invalidValue', 'An add or replace operation needs a value.');
  return value;
}

function objectOf(value: JsonValue | undefined): Readonly<Record<string, JsonValue>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw scimRefusal(
      'invalidSyntax',
      'An operation without a path needs an object of attributes as its value.',
    );
  return value as Readonly<Record<string, JsonValue>>;
}
