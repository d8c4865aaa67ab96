import { z } from 'zod';

import { NAMES } from './names.ts';
import { nextCursor, pageCursor, pageLimit, text, texts } from './values.ts';

const name = z.string().min(1).max(200);

/** GET /v1/targets */
export const targetsQuerySchema = z.strictObject({
  environment: name.optional().describe('Only those of this environment, e.g. `prod`'),
  action: name.optional().describe('Only those that this action acts on'),
  limit: pageLimit(100),
  cursor: pageCursor,
});

const targetSchema = z
  .object({
    id: text('Id of the target: the `target` of a request'),
    title: text('What it is, for people'),
    environment: text('Its environment, e.g. `prod`'),
    resource_type: text('What kind of thing it is, e.g. `postgres.database`'),
    actions: z.array(z.string()).describe('Names of the actions that may be asked for on it'),
    owners: texts(
      'Selectors of its owners. Only for people of the directory, like tags and data_class',
    ).optional(),
    tags: z.array(z.string()).optional().describe('Words that conditions of policy may use'),
    data_class: z.string().optional().describe('Class of its data'),
  })
  .describe('What actions act on')
  .register(NAMES, { id: 'Target' });

/** What actions act on, by id. */
export const targetPageSchema = z
  .object({ items: z.array(targetSchema).describe('Targets, by id'), next_cursor: nextCursor })
  .describe('A page of targets')
  .register(NAMES, { id: 'TargetPage' });

/** A page of targets. */
export type TargetPage = z.infer<typeof targetPageSchema>;
