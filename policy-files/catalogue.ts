import { KEYS } from './keys.ts';
import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import { compileArgumentSchema } from '../domain/conditions/argument-schema.ts';
import { isOwnName, type ActionDefinition, type PolicySet, type Target } from '../domain/policy/policy.ts';
import { CONNECTOR_CODES } from '../domain/request/connector-codes.ts';
import { readConnection } from './connection.ts';
import type { Names } from './names.ts';
import { didYouMean, quote } from './problem.ts';
import { readNamedSelector } from './selector.ts';
import type { Value } from './value.ts';

/** The connectors that actions of a policy may name. */
export const CONNECTORS: readonly string[] = Object.keys(CONNECTOR_CODES).filter((name) => !isOwnName(name));

const ACTION = /^[a-z][a-z0-9]*(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+$/;

/** An action, opened: what it looks up is read once the tables are known. */
export interface ActionEntry {
  readonly action: ActionDefinition;
  readonly facts: Value | undefined;
  readonly owners: Value | undefined;
}

export function readAction(value: Value, names: Names): ActionEntry {
  const fields = value.fields(KEYS['actions/*.yaml']);
  const resourceType = fields.name('resource_type');
  if (!refuseOwn(fields.get('resource_type'), resourceType)) names.allow('resource type', resourceType);
  const action: ActionDefinition = {
    action: readActionName(fields.get('action'), names),
    schema_version: fields.get('schema_version')?.integer({ min: 1, max: 1_000_000 }) ?? 1,
    title: fields.text('title'),
    connector: readConnector(fields.get('connector')),
    resource_type: resourceType,
    arguments: readSchema(fields.get('arguments')),
    fallback: fields.get('fallback')?.choice(['review', 'forbid']) ?? 'review',
  };
  return { action, facts: fields.get('facts'), owners: fields.get('owners') };
}

function readActionName(value: Value | undefined, names: Names): string {
  const action = value?.text() ?? '';
  if (!value) names.markIncomplete('action');
  else if (!refuseOwn(value, action)) names.declare('action', action, value);
  if (action !== '' && !ACTION.test(action)) {
    value?.refuse(
      `${quote(action)} is not an action: lower-case words with dots between, such as postgres.execute`,
    );
  }
  return action;
}

/** Keyturn's own actions and targets are already in every policy, the same in each. */
function refuseOwn(value: Value | undefined, name: string): boolean {
  if (isOwnName(name)) value?.refuse(`${quote(name)} is a name of Keyturn itself: choose another`);
  return isOwnName(name);
}

/** Without a connector Keyturn only decides, and somebody else executes: mode `gate`. */
function readConnector(value: Value | undefined): string | null {
  if (!value) return null;
  const connector = value.text();
  if (connector !== '' && !CONNECTORS.includes(connector)) {
    value.refuse(`unknown connector ${quote(connector)}${didYouMean(connector, CONNECTORS)}`);
  }
  return connector;
}

/** Strict mode refuses unknown keywords, so that a misspelt one cannot silently accept everything. */
function readSchema(value: Value | undefined): Readonly<Record<string, JsonValue>> {
  const schema = value?.object() ?? {};
  if (!value?.isMapping()) return schema;
  if (schema['type'] !== 'object') {
    value.refuse('the schema of arguments must have type: object');
    return schema;
  }
  try {
    compileArgumentSchema(schema);
  } catch (error) {
    value.refuse(
      `not a JSON Schema (2020-12): ${error instanceof Error ? quote(error.message) : 'unknown error'}`,
    );
  }
  return schema;
}

/** Reads one entry of `targets/`. Actions, environments and the directory must have been read. */
export function readTarget(
  value: Value,
  { names, enums }: { readonly names: Names; readonly enums: PolicySet['enums'] },
): Target {
  const fields = value.fields(KEYS['targets/*.yaml']);
  const id = fields.name('id');
  if (!refuseOwn(fields.get('id'), id)) names.declare('target', id, fields.get('id') ?? value);
  const reference = (key: string, kind: 'resource type' | 'environment'): string => {
    const at = fields.get(key);
    return at ? names.read(kind, at) : '';
  };
  const connection = fields.get('connection');
  const dataClass = fields.get('data_class');
  return {
    id,
    title: fields.text('title'),
    resource_type: reference('resource_type', 'resource type'),
    environment: reference('environment', 'environment'),
    owners: fields.names('owners').map((owner) => readNamedSelector(owner, names)),
    connection: connection ? readConnection(connection) : {},
    ...(fields.get('tags') ? { tags: fields.names('tags').map((tag) => readWord(tag, enums['tags'])) } : {}),
    ...(dataClass ? { data_class: readWord(dataClass, enums['data_class']) } : {}),
  };
}

/** One of the words that `enums` lists; any text where it lists none. */
function readWord(value: Value, allowed: readonly string[] | undefined): string {
  return allowed ? (value.choice(allowed) ?? '') : value.text();
}
