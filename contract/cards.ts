import { z } from 'zod';

import { jsonValueSchema } from '../domain/crypto/json.ts';
import { namedLineageSchema } from './lineage.ts';
import { NAMES } from './names.ts';
import { planSchema } from './plan.ts';
import { claimsSchema, requestSummarySchema } from './requests.ts';
import { matchedRuleSchema, requirementSchema } from './requirement.ts';
import { count, digest, flag, gradeSchema, instant, riskSchema, text, texts } from './values.ts';

/** What people decide upon: the answers of the HTTP interface about it (see requests.ts). */

const WITHHELD = 'Null for readers who may not see it';
const UNREAD = 'Null for programs, which read no policy, and where the policy does not have the rule';
const { plan, rules } = { plan: planSchema.shape, rules: requirementSchema.shape.rules.element };

const cutSchema = z
  .object({
    rows: count('Changed rows that are only counted'),
    values: count('Values that are too long, for which their length and digest stand'),
  })
  .describe('How much a plan does not hold. Both 0: everything that changes is shown')
  .register(NAMES, { id: 'CardCut' });

const requestPart = requestSummarySchema
  .pick({
    id: true,
    action: true,
    schema_version: true,
    target: true,
    environment: true,
    mode: true,
    is_break_glass: true,
    intent_digest: true,
  })
  .extend({ start: requestSummarySchema.shape.start.unwrap().nullable() })
  .describe('What is asked for, and where')
  .register(NAMES, { id: 'CardRequest' });

const planPart = planSchema
  .pick({ connector: true, summary: true, operation: true, fingerprint: true })
  .extend({
    is_by_requester: flag(
      "The words are the requester's: Keyturn makes no plan for an action that it only decides on",
    ),
  })
  .describe('What would happen, in words, and exactly what will run')
  .register(NAMES, { id: 'CardPlan' });

const effectPart = plan.effects.element
  .extend({ changed: count('How many rows change'), cut: cutSchema })
  .describe('What happens to one resource, and how much of it is not shown')
  .register(NAMES, { id: 'CardEffect' });

const previewPart = z
  .object({ is_whole: flag('The plan shows all that would happen'), warnings: plan.warnings })
  .describe('What could not be previewed')
  .register(NAMES, { id: 'CardPreview' });

const riskPart = z
  .object({
    tier: riskSchema.describe('How risky policy holds it to be'),
    reasons: texts('Why'),
    facts: plan.risk_facts.nullable(),
  })
  .describe('How risky it is')
  .register(NAMES, { id: 'CardRisk' });

const rulePart = matchedRuleSchema
  .extend({
    effect: matchedRuleSchema.shape.effect
      .unwrap()
      .nullable()
      .describe(
        'What the rule does. forbid beats review, and review beats allow. Null: its policy does not say',
      ),
    source: z.string().nullable().describe(`File and line of the rule in its policy. ${UNREAD}`),
    words: z.string().nullable().describe(`What it does, and to what. ${UNREAD}`),
  })
  .describe('A rule that acted, and where it stands')
  .register(NAMES, { id: 'CardRule' });

const stagePart = rules.shape.stages.element
  .extend({ words: text('Its seats in words, such as `2 different people of group:dba`') })
  .describe('People of whom so many must approve')
  .register(NAMES, { id: 'CardStage' });

const requirementPart = z
  .object({
    expires_at: instant('When it expires, which is a denial').nullable(),
    words: text('How many people that is, in words'),
    distinct_people: requirementSchema.shape.distinct_people,
    minimum_grade: gradeSchema,
    channels: requirementSchema.shape.channels
      .unwrap()
      .nullable()
      .describe('What chats, mails and lists may show of the request. Null: all'),
    rules: z
      .array(
        rules
          .extend({ stages: z.array(stagePart).describe('All of them must be filled') })
          .describe('What one rule requires')
          .register(NAMES, { id: 'CardRequirementRule' }),
      )
      .describe('All of them must be satisfied'),
  })
  .describe('Who must agree')
  .register(NAMES, { id: 'CardRequirement' });

const reversalPart = plan.reversal
  .extend({ steps: texts('What undoes it, in this order. For SQL: statements') })
  .describe('The way back')
  .register(NAMES, { id: 'CardReversal' });

/** What people decide upon. */
export const cardSchema = z
  .object({
    kind: z.literal('keyturn-card-1').describe('The form of the card'),
    decision_digest: digest('What a decision on this card is about').nullable(),
    salt: z
      .string()
      .nullable()
      .describe('Random text of the plan, so that nobody can find out the card from its digest'),
    cut: cutSchema.nullable(),
    request: requestPart,
    lineage: namedLineageSchema,
    plan: planPart.nullable(),
    effects: z
      .array(effectPart)
      .nullable()
      .describe(`What happens, for each resource that changes. ${WITHHELD}`),
    files: plan.files
      .unwrap()
      .nullable()
      .describe('Of a change of policy: its changed files. Empty for other actions'),
    arguments: z
      .record(z.string(), jsonValueSchema)
      .nullable()
      .describe(`What was sent. \`intent_digest\` of \`request\` covers it. ${WITHHELD}`),
    preview: previewPart.nullable(),
    risk: riskPart.nullable(),
    rules: z.array(rulePart).nullable().describe(`Rules that acted. ${WITHHELD}`),
    requirement: requirementPart.nullable(),
    reversal: reversalPart.nullable(),
    claims: claimsSchema.nullable(),
  })
  .describe(
    'What people decide upon. It does not change while its decision digest stands, unless somebody is renamed. Texts are as they were given: make them safe where you show them',
  )
  .register(NAMES, { id: 'Card' });

const refusal = z
  .object({
    code: text('The code that it would be refused with'),
    detail: text('Why, for people'),
  })
  .describe('Why something would be refused')
  .register(NAMES, { id: 'CardRefusal' })
  .nullable();

/** GET /v1/requests/:id/card */
export const cardAnswerSchema = z
  .object({
    card: cardSchema,
    view_digest: digest(
      'SHA-256 over the card in its form by RFC 8785. Send it with a decision that is made on this card',
    ),
    refusals: z
      .object({
        approve: refusal,
        deny: refusal,
        defer: refusal,
        withdraw: refusal,
        ask: refusal,
        answer: refusal,
      })
      .describe(
        'What would be refused if you sent it now, and why. Null: it would not be. No part of the card: it changes with the request, and differs from one to another',
      )
      .register(NAMES, { id: 'CardRefusals' }),
    needed_grade: gradeSchema
      .nullable()
      .describe(
        'The weakest evidence with which you could approve it now. C: the session or the token; B: a sign-in for it, A: a passkey as well (`beginProof`). Null: you cannot',
      ),
  })
  .describe('What people decide upon, with its digest')
  .register(NAMES, { id: 'CardAnswer' });

export type CardAnswer = z.infer<typeof cardAnswerSchema>;
