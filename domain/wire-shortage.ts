import { z } from 'zod';

/** A rule that too few people can satisfy. */
export const shortageSchema = z.object({
  rule: z
    .string()
    .describe('Id of the rule, or `*` where all rules together ask for more different people than may agree'),
  seats: z.int(),
  fillable: z.int(),
  unknown: z
    .array(z.string())
    .optional()
    .describe('Selectors of which not everybody is known now, who might make up for it'),
});
