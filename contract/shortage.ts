import { z } from 'zod';

import { NAMES } from './names.ts';
import { count, texts } from './values.ts';

/** A rule that too few people can satisfy. */
export const shortageSchema = z
  .object({
    rule: z
      .string()
      .describe(
        'Id of the rule, or `*` where all rules together ask for more different people than may agree',
      ),
    seats: count('How many people it asks for'),
    fillable: count('How many of these places the people known now can fill'),
    unknown: texts('Selectors of which not everybody is known now, who might make up for it').optional(),
  })
  .describe('A rule that too few people can satisfy')
  .register(NAMES, { id: 'Shortage' });
