import { z } from 'zod';

import { NAMES } from './names.ts';
import { digest, flag, instant, riskSchema, text, texts } from './values.ts';

const comparedSchema = z
  .object({
    policy_digest: digest('Digest of the policy'),
    effect: z.enum(['allow', 'review', 'forbid']).describe('What it comes to'),
    risk: riskSchema.nullable().describe('Risk tier. Null: not on record'),
    rules: texts('Ids of the rules that act, in order'),
    seats: texts('Who must agree, in words. Empty where nobody has to'),
  })
  .describe('What a policy says')
  .register(NAMES, { id: 'PolicyOutcome' });

/** GET /v1/requests/:id/today */
export const policyTodaySchema = z
  .object({
    recorded: comparedSchema
      .extend({ at: instant('When it was evaluated') })
      .nullable()
      .describe('The last evaluation on record. Null: there is none')
      .register(NAMES, { id: 'RecordedOutcome' }),
    today: comparedSchema.nullable().describe('The active policy on the same facts. Null: see `why_not`'),
    is_same: flag('Effect, risk, rules and seats are the same in both'),
    why_not: text(
      'Why it cannot be told: `not_evaluated`; `facts_erased`; `facts_altered`; `target_removed` from the active policy',
    ).nullable(),
  })
  .describe('Whether the active policy would decide otherwise, by the facts on record')
  .register(NAMES, { id: 'PolicyToday' });

/** Whether the active policy would decide otherwise. */
export type PolicyToday = z.infer<typeof policyTodaySchema>;
