import { z } from 'zod';

/** A rule that too few people can satisfy. */
export const shortageSchema = z.object({
  rule: z
    .string()
    .describe('Id of the rule, or `*` where all rules together ask for more different people than may agree'),
  seats: z.int().describe('How many people it asks for'),
  fillable: z.int().describe('How many of these places the people known now can fill'),
  unknown: z
    .array(z.string())
    .optional()
    .describe('Selectors of which not everybody is known now, who might make up for it'),
});
