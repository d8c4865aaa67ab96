import { z } from 'zod';

import { matchedRuleSchema, requirementSchema } from './requirement.ts';
import { createBodySchema } from './requests.ts';
import { NAMES } from './names.ts';
import { flag, text } from './values.ts';

/** POST /v1/evaluate: like the body of a request, without what only matters when it is really made. */
export const evaluateBodySchema = createBodySchema
  .pick({
    action: true,
    target: true,
    mode: true,
    arguments: true,
    on_behalf_of: true,
    break_glass: true,
  })
  .describe('What policy is asked about')
  .register(NAMES, { id: 'EvaluateBody' });

const undecidedStageSchema = z
  .object({
    any: z.array(z.string()).describe('Who may fill it: `group:ID`, `user:ID`, `owners` and the like'),
    quorum: z.int().describe('How many different people have to approve'),
  })
  .describe('People whom a rule would ask')
  .register(NAMES, { id: 'UndecidedStage' });

const undecidedRuleSchema = z
  .object({
    id: text('Id of the rule'),
    effect: z.enum(['allow', 'review', 'forbid']).describe('What the rule does if it matches'),
    because: z.string().nullable().describe('Its reason, for people, as the policy has it'),
    stages: z.array(undecidedStageSchema).describe('Whom it would ask; empty unless it reviews'),
  })
  .describe('A rule that needs facts which only a plan gives')
  .register(NAMES, { id: 'UndecidedRule' });

/** What policy would say now. Nothing was recorded, reserved or promised. */
export const evaluationSchema = z
  .object({
    effect: z
      .enum(['allow', 'review', 'forbid', 'undecided'])
      .describe('`undecided` until the action is planned, unless what is known already forbids it'),
    phase: z
      .enum(['creation', 'planned'])
      .describe('creation: before a plan, as far as can be known; planned: nothing has to be planned'),
    rules: z.array(matchedRuleSchema).describe('Rules that act'),
    undecided: z.array(z.string()).describe('Ids of rules that need facts which only a plan gives'),
    undecided_rules: z
      .array(undecidedRuleSchema)
      .describe(
        'The same rules, with what each would do, and whom it would ask, if it matched. Empty for programs, which read no policy',
      ),
    requirement: requirementSchema.nullable().describe('Who must agree; null unless the effect is review'),
    is_degraded: flag('Something could not be evaluated, and counts as stricter'),
  })
  .describe('What policy would say now. Nothing was recorded, reserved or promised')
  .register(NAMES, { id: 'Evaluation' });

/** What a dry run is asked about. */
export type EvaluateBody = z.input<typeof evaluateBodySchema>;
/** What a dry run answers. */
export type EvaluationAnswer = z.infer<typeof evaluationSchema>;
