import { z } from 'zod';

import { NAMES } from './names.ts';
import { nameQuery } from './requests.ts';
import { count, milliseconds } from './values.ts';

/** GET /v1/usual-times */
export const usualTimesQuerySchema = z.strictObject({
  action: nameQuery.describe('Name of the action'),
  environment: nameQuery.describe('Environment of the target'),
});

const WITHHELD = 'Null where fewer than 5 were decided';

/** How long people take. */
export const usualTimesSchema = z
  .object({
    decided: count(
      'How many decided requests of the last 30 days it is made of. It looks at the newest 1,000 requests for the action',
    ),
    median_ms: milliseconds(`Half of them were decided within this time. ${WITHHELD}`).nullable(),
    p90_ms: milliseconds(`Nine of ten were decided within this time. ${WITHHELD}`).nullable(),
  })
  .describe('How long requests waited for people, from when they were first asked to the last decision')
  .register(NAMES, { id: 'UsualTimes' });

export type UsualTimes = z.infer<typeof usualTimesSchema>;
