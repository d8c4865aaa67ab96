import { z } from 'zod';

import { NAMES } from './names.ts';
import { count, digest, flag, instant, riskSchema, text, texts } from './values.ts';

const requirementSchema = z
  .object({
    order: z
      .enum(['parallel', 'sequential'])
      .describe('Whether its stages are open at once or one after the other'),
    stages: z
      .array(
        z
          .object({
            words: text('Its seats, such as `2 different people of group:dba`'),
            escalations: texts('Who may decide as well, and from when on'),
          })
          .describe('People of whom so many must approve')
          .register(NAMES, { id: 'PolicyStage' }),
      )
      .describe('All of them must be filled'),
    terms: texts('When it expires, and what an approval has to meet'),
  })
  .describe('Who must agree, in words')
  .register(NAMES, { id: 'PolicyRequirement' });

const ruleSchema = z
  .object({
    id: text('Id of the rule'),
    effect: z
      .enum(['allow', 'review', 'forbid'])
      .describe('What it does. forbid beats review, and review beats allow'),
    because: z.string().nullable().describe('Its reason, for people'),
    source: text('File and line of the rule'),
    scope: text('What it does, and to what, in words'),
    when: z.string().nullable().describe('Its condition (CEL), as its author wrote it. Null: always'),
    notes: texts('What else holds of it'),
    requirement: requirementSchema.nullable().describe('Null for a rule that asks nobody'),
  })
  .describe('A rule of a policy')
  .register(NAMES, { id: 'PolicyRule' });

const riskLineSchema = z
  .object({
    weight: count('What it adds'),
    because: text('What reviewers read'),
    when: text('Its condition (CEL)'),
    only: z
      .array(z.string())
      .nullable()
      .describe('The only actions and environments that it is about. Null: all'),
  })
  .describe('What adds to the risk of a request')
  .register(NAMES, { id: 'PolicyRiskLine' });

const tierSchema = z
  .object({
    tier: riskSchema.describe('The tier'),
    from: count('The least sum of weights'),
    demands: texts('What it requires beyond the rules, and beyond the tiers below it'),
  })
  .describe('A tier of risk')
  .register(NAMES, { id: 'PolicyRiskTier' });

const activationSchema = z
  .object({
    at: instant('When it became active'),
    how: z
      .enum(['published', 'installed', 'recovered'])
      .describe('published: by a request; installed: as the first one; recovered: by operators, by hand'),
    request: z.string().nullable().describe('Id of the request that published it. Null: none did'),
    replaces: digest('The policy before it').nullable(),
    proposed_by: z
      .object({ id: text('Id of the person'), name: text('Name in the directory, else the id') })
      .nullable()
      .describe('Who proposed it first. Null: nobody did')
      .register(NAMES, { id: 'PolicyProposer' }),
    installed_by: z
      .string()
      .nullable()
      .describe(
        'Account of the machine from which it was installed. Null: it was published, it is not known, or you are neither operator nor auditor',
      ),
    is_installer_withheld: flag('There is one, and you are neither operator nor auditor'),
  })
  .describe('How it became active')
  .register(NAMES, { id: 'PolicyActivation' });

/** GET /v1/policy */
export const activePolicySchema = z
  .object({
    digest: digest('Digest of the policy'),
    generation: count('Grows whenever another one becomes active'),
    activation: activationSchema.nullable().describe('Null: its entry is not in the audit log'),
    rules: z.array(ruleSchema).describe('In the order of the files'),
    defaults: z
      .object({
        effect: z.enum(['review', 'forbid']).describe('What happens where no rule acts'),
        requirement: requirementSchema,
      })
      .describe('What holds where no rule says otherwise')
      .register(NAMES, { id: 'PolicyDefaults' }),
    publishing: requirementSchema.describe(
      'Who must agree to another policy, unless rules ask for more. What may loosen it takes two different people, whatever policy says',
    ),
    reviewers: z
      .object({ when: text('A condition (CEL) on `reviewer`'), because: text('Why, for people') })
      .nullable()
      .describe('What every reviewer must meet. Null: nothing')
      .register(NAMES, { id: 'PolicyReviewers' }),
    risk: z
      .object({
        lines: z.array(riskLineSchema).describe('What adds to it'),
        tiers: z.array(tierSchema).describe('From the lowest to the highest'),
      })
      .describe('How risk is computed, and what follows from it')
      .register(NAMES, { id: 'PolicyRisk' }),
  })
  .describe(
    'The active policy in words. Its catalogue: `listActions` and `listTargets`; all of it as data: `getPolicy`',
  )
  .register(NAMES, { id: 'PolicyInWords' });

/** The active policy in words. */
export type PolicyInWords = z.infer<typeof activePolicySchema>;
