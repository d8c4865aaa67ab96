import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

import type { JsonValue } from '../../../domain/canonical-json.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { ActionDefinition } from '../../../domain/policy.ts';

const COMPILED_MAX = 500;

/** Checks arguments against the schemas of the catalogue, each compiled once a policy. */
export class ArgumentChecker {
  readonly #compiled = new Map<string, ValidateFunction>();

  /** Refuses (`arguments_invalid`) arguments that the action's schema does not allow, naming the places. */
  check(policyDigest: string, action: ActionDefinition, values: Readonly<Record<string, JsonValue>>): void {
    const validate = this.#validator(`${policyDigest} ${action.action}`, action);
    if (validate(values)) return;
    const errors = (validate.errors ?? []).slice(0, 20).map((error) => ({
      path: `/arguments${error.instancePath}`.slice(0, 300),
      message: (error.message ?? 'is not allowed').slice(0, 300),
    }));
    throw new KeyturnError('arguments_invalid', 'The arguments do not fit the schema of this action.', {
      errors,
    });
  }

  #validator(key: string, action: ActionDefinition): ValidateFunction {
    const known = this.#compiled.get(key);
    if (known) return known;
    if (this.#compiled.size >= COMPILED_MAX) this.#compiled.clear();
    const validate = compile(action);
    this.#compiled.set(key, validate);
    return validate;
  }
}

/** References resolve inside the schema only: nothing is ever fetched. */
function compile(action: ActionDefinition): ValidateFunction {
  try {
    return new Ajv2020({ strict: true, validateFormats: false, logger: false, ownProperties: true }).compile(
      action.arguments,
    );
  } catch {
    throw new KeyturnError('policy_invalid', `The catalogue's schema for ${action.action} cannot be used.`);
  }
}
