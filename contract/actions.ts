import { z } from 'zod';

import { jsonValueSchema } from '../domain/crypto/json.ts';
import { NAMES } from './names.ts';
import { count, modeSchema, text } from './values.ts';

const targetSchema = z
  .object({
    id: text('Id of the target: the `target` of a request'),
    title: text('What it is, for people'),
    environment: text('Its environment, e.g. `prod`'),
  })
  .describe('A target that the action may be asked for on')
  .register(NAMES, { id: 'ActionTarget' });

const actionSchema = z
  .object({
    action: text(
      'Name of the action: the `action` of a request. Only people who signed in can ask for `keyturn.resolve`, and propose (`POST /v1/policies`) what `keyturn.policy.publish` makes active',
    ),
    title: text('What it does, for people'),
    mode: modeSchema.describe('The `mode` that a request for it must name'),
    schema_version: count('Version of the schema of its arguments'),
    arguments: z
      .record(z.string(), jsonValueSchema)
      .describe('What the `arguments` of a request must be. JSON Schema 2020-12'),
    targets: z.array(targetSchema).describe('Where it may be asked for'),
  })
  .describe('An action that may be asked for')
  .register(NAMES, { id: 'Action' });

/** GET /v1/actions: what may be asked for, and where. */
export const actionsSchema = z
  .object({
    items: z
      .array(actionSchema)
      .describe("The catalogue's actions in its order, then those of Keyturn itself"),
  })
  .describe('The catalogue of actions')
  .register(NAMES, { id: 'Actions' });

export type ActionCatalogue = z.infer<typeof actionsSchema>;
