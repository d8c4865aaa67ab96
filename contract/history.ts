import { z } from 'zod';

import { DECISION_CHANNELS } from '../domain/crypto/envelope.ts';
import { jsonValueSchema } from '../domain/crypto/json.ts';
import { identitySchema } from './lineage.ts';
import { NAMES } from './names.ts';
import { count, digest, gradeSchema, instant, logInstant, text, texts, verdictSchema } from './values.ts';

/** What happened to a request: the answers of the HTTP interface about it (see requests.ts). */

const viewSchema = z
  .object({
    digest: digest('The `view_digest` of the card that was shown'),
    opened: texts('Parts of it that were opened, as the client says'),
  })
  .describe('A card that was shown')
  .register(NAMES, { id: 'ShownCard' });

export const decisionSchema = z
  .object({
    id: text('Id of the decision: `dec_` and 26 characters'),
    reviewer: identitySchema.nullable().describe('The account that decided. Null: programs learn no names'),
    person: z.string().nullable().describe('Id of the person in the directory. Null: as above, or not known'),
    person_name: z.string().optional().describe('Name in the directory. Absent: not known there'),
    verdict: verdictSchema.describe('What was decided'),
    takes_back: z
      .string()
      .nullable()
      .describe('Of take_back: id of the approval that it takes back. Null: of other verdicts'),
    taken_back_by: z
      .string()
      .nullable()
      .describe('Of an approval that counts no more: id of the decision by which its person took it back'),
    at: instant('When it was made'),
    grade: gradeSchema,
    channel: z.enum(DECISION_CHANNELS).describe('How it came in'),
    reason: z.string().nullable().describe("The reviewer's words"),
    defer_until: instant('Of a deferral: until when it is hidden').nullable(),
    defer_to: z
      .string()
      .nullable()
      .describe('Of a deferral: the selector to whom it was handed over. Null also for programs'),
    outcome: z.enum(['counted', 'refused']).describe('Whether it was counted when it came in'),
    refusal: z.string().nullable().describe('Why it does not count: an error code'),
    view: viewSchema
      .nullable()
      .describe(
        'The card on which it was made, as it was signed. Null: the client did not say that it showed one',
      ),
    round: count('Round of the request in which it was made'),
  })
  .describe('A decision of one person')
  .register(NAMES, { id: 'Decision' });

const facts = z.record(z.string(), jsonValueSchema);

/** Who did something, as far as the reader may know. */
export const actorSchema = z
  .object({
    kind: z.enum(['person', 'agent', 'system']).describe('What acted'),
    name: z.string().optional().describe('Name in the directory. Absent: not for this reader'),
    id: text('Id in the directory: names can be changed, and be alike. Absent: not known there').optional(),
  })
  .describe('Who acted')
  .register(NAMES, { id: 'TimelineActor' });

const timelineEntrySchema = z
  .object({
    n: count('Number of the entry in its run, from 0'),
    at: logInstant(
      'When the step began that it tells of. The order of the entries is that of their commits, so an instant may be earlier than the one before',
    ),
    type: text('A stable word, e.g. `request.pending`; more may come'),
    actor: actorSchema,
    text: text('What happened, for people'),
    facts: facts.describe('What the entry says. Empty for readers who may not see details'),
    parts: facts.optional().describe('What is stored beside the entry. Only for readers who may see details'),
    grade: gradeSchema.optional(),
  })
  .describe('An audit entry, for people')
  .register(NAMES, { id: 'TimelineEntry' });

export const timelineSchema = z
  .object({ items: z.array(timelineEntrySchema).describe('What happened, the oldest first') })
  .describe('What happened to a request')
  .register(NAMES, { id: 'Timeline' });

export type DecisionView = z.infer<typeof decisionSchema>;
export type Actor = z.infer<typeof actorSchema>;
export type Timeline = z.infer<typeof timelineSchema>;
