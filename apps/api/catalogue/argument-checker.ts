import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { compileArgumentSchema, type ArgumentSchema } from '../../../domain/conditions/argument-schema.ts';
import type { ActionDefinition } from '../../../domain/policy/policy.ts';

const COMPILED_MAX = 500;

/** Checks arguments against the schemas of the catalogue, each compiled once a policy. */
export class ArgumentChecker {
  readonly #compiled = new Map<string, ArgumentSchema>();

  /** Refuses (`arguments_invalid`) arguments that the action's schema does not allow, naming the places. */
  check(policyDigest: string, action: ActionDefinition, values: Readonly<Record<string, JsonValue>>): void {
    const problems = this.#schema(`${policyDigest} ${action.action}`, action).problemsOf(values);
    if (problems.length === 0) return;
    const errors = problems.slice(0, 20).map(({ path, message }) => ({
      path: `/arguments${path}`.slice(0, 300),
      message: message.slice(0, 300),
    }));
    throw new KeyturnError('arguments_invalid', 'The arguments do not fit the schema of this action.', {
      errors,
    });
  }

  #schema(key: string, action: ActionDefinition): ArgumentSchema {
    const known = this.#compiled.get(key);
    if (known) return known;
    if (this.#compiled.size >= COMPILED_MAX) this.#compiled.clear();
    const compiled = compile(action);
    this.#compiled.set(key, compiled);
    return compiled;
  }
}

/** A set that an earlier version stored may hold a schema that this one cannot use. */
function compile({ action, arguments: schema }: ActionDefinition): ArgumentSchema {
  try {
    return compileArgumentSchema(schema);
  } catch {
    throw new KeyturnError('policy_invalid', `The catalogue's schema for ${action} cannot be used.`);
  }
}
