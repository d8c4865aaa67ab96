import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { compileArgumentSchema } from '../../../domain/conditions/argument-schema.ts';
import { oncePer } from '../../../domain/once-per.ts';
import type { ActionDefinition } from '../../../domain/policy/policy.ts';

/** Refuses (`arguments_invalid`) arguments that the action's schema does not allow, with the path of each mistake. */
export function checkArguments(action: ActionDefinition, values: Readonly<Record<string, JsonValue>>): void {
  const problems = schemaOf(action).problemsOf(values);
  if (problems.length === 0) return;
  const errors = problems.slice(0, 20).map(({ path, message }) => ({
    path: `/arguments${path}`.slice(0, 300),
    message: message.slice(0, 300),
  }));
  throw new KeyturnError(
    'arguments_invalid',
    'The arguments do not match the schema of this action: see `errors`.',
    {
      errors,
    },
  );
}

/** Once for each action of the active policy, whose object lives as long as that is active. */
const schemaOf = oncePer(({ action, arguments: schema }: ActionDefinition) => {
  try {
    return compileArgumentSchema(schema);
  } catch {
    // Another version may have made this policy active.
    throw new KeyturnError('policy_invalid', `The catalogue's schema for ${action} cannot be used.`);
  }
});
