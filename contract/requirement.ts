import { z } from 'zod';

import { approversSchema } from './circumstances.ts';
import { NAMES } from './names.ts';
import {
  count,
  flag,
  gradeSchema,
  instant,
  milliseconds,
  riskSchema,
  selector,
  selectors,
  text,
  texts,
} from './values.ts';

/** Who must agree, how far that is, and why: the bodies and answers of the HTTP interface about it (see requests.ts). */

const escalationSchema = z
  .object({
    after_ms: milliseconds('How long after the stage opened, counted by `clock` of the rule'),
    to: selector('Who may decide it from then on, as well'),
  })
  .describe('Who else may decide once nobody has answered for so long')
  .register(NAMES, { id: 'EscalationStep' });

const stageSchema = z
  .object({
    any: selectors('Who may decide it: anybody of these'),
    quorum: count('How many different people must approve it'),
    escalate: z.array(escalationSchema).describe('Escalations, the earliest first'),
  })
  .describe('People of whom so many must approve')
  .register(NAMES, { id: 'RequirementStage' });

const ruleSchema = z
  .object({
    rule: text('Id of the rule, or of what is asked by default'),
    stages: z.array(stageSchema).describe('All of them must be filled'),
    order: z
      .enum(['parallel', 'sequential'])
      .describe('parallel: all stages are open at once; sequential: one after the other'),
    expires_ms: milliseconds('How long it waits for approvals before it expires, which is a denial'),
    maximum_age_ms: milliseconds('How old an approval may be when the action runs'),
    minimum_grade: gradeSchema.describe('The weakest evidence that counts, from A (strongest) to D'),
    is_reason_required: flag('Who decides must give a reason'),
    reviewer_when: text('A condition (CEL) that reviewers must meet as well. Absent: none').optional(),
    clock: text(
      'Calendar whose business time escalations and the expiry count. Absent: wall time',
    ).optional(),
  })
  .describe('What one rule requires')
  .register(NAMES, { id: 'RequirementRule' });

/** Who must agree. */
export const requirementSchema = z
  .object({
    risk: riskSchema.describe('How risky policy holds it to be'),
    distinct_people: count('How many different people must approve in all, at least'),
    rules: z.array(ruleSchema).describe('All of them must be satisfied'),
    channels: z
      .enum(['summary', 'link'])
      .optional()
      .describe('What chats, mails and lists may show of the request. Absent: all'),
  })
  .describe('Who must agree')
  .register(NAMES, { id: 'Requirement' });

const rungSchema = z
  .object({
    to: selector('Who may decide it from then on, as well'),
    after_ms: milliseconds('How long after the stage opened, counted by `clock` of the rule'),
    at: instant(
      'When that is. Null: the stage is not open, or its calendar is not known that far',
    ).nullable(),
  })
  .describe('An escalation of a stage, with its instant')
  .register(NAMES, { id: 'Rung' });

const stageProgressSchema = z
  .object({
    selectors: selectors('Who may decide it now, escalations that are due included'),
    quorum: count('How many different people must approve it'),
    filled: count('How many have'),
    opened_at: instant('When it opened. Null: it waits for the stage before').nullable(),
    ladder: z.array(rungSchema).describe('Its escalations, due or to come, the earliest first'),
    may_approve: approversSchema.optional(),
  })
  .describe('How far a stage is')
  .register(NAMES, { id: 'StageProgress' });

/** How far the approvals are. */
export const progressSchema = z
  .object({
    rules: z
      .array(
        z
          .object({
            rule: text('Id of the rule'),
            stages: z.array(stageProgressSchema).describe('Its stages, in the order of the requirement'),
          })
          .describe('How far a rule is')
          .register(NAMES, { id: 'RuleProgress' }),
      )
      .describe('The rules of the requirement, in its order'),
  })
  .describe('How far the approvals are')
  .register(NAMES, { id: 'Progress' });

/** A rule that acted. */
export const matchedRuleSchema = z
  .object({
    id: text('Id of the rule'),
    effect: z
      .enum(['allow', 'review', 'forbid'])
      .optional()
      .describe(
        'What the rule does by the policy that was evaluated. forbid beats review, and review beats allow. Absent: that policy does not say',
      ),
    because: z.string().nullable().describe('Its reason, for people, as the policy has it'),
  })
  .describe('A rule that acted')
  .register(NAMES, { id: 'MatchedRule' });

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
