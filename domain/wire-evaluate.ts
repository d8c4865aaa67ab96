import { z } from 'zod';

import { createBodySchema, requirementSchema } from './wire.ts';

/** POST /v1/evaluate: like the body of a request, without what only matters when it is really made. */
export const evaluateBodySchema = createBodySchema.pick({
  action: true,
  target: true,
  mode: true,
  arguments: true,
  on_behalf_of: true,
  break_glass: true,
});

/** What policy would say now. Nothing was recorded, reserved or promised. */
export const evaluationSchema = z.object({
  effect: z
    .enum(['allow', 'review', 'forbid', 'undecided'])
    .describe('`undecided` until the action is planned, unless what is known already forbids it'),
  phase: z.enum(['creation', 'planned']),
  rules: z.array(z.object({ id: z.string(), because: z.string().nullable() })).describe('Rules that act'),
  undecided: z.array(z.string()).describe('Rules that need facts which only exist after planning'),
  requirement: requirementSchema.nullable().describe('Who must agree; null unless the effect is review'),
  is_degraded: z.boolean().describe('Something could not be evaluated, and counts as stricter'),
});

/** What a dry run is asked about. */
export type EvaluateBody = z.input<typeof evaluateBodySchema>;
/** What a dry run answers. */
export type EvaluationAnswer = z.infer<typeof evaluationSchema>;
