import { z } from 'zod';

import { CARD_SECTIONS } from '../domain/cards/card.ts';
import { decisionSchema } from './history.ts';
import { NAMES } from './names.ts';
import { knownCredentialSchema, sentAssertionSchema } from './passkeys.ts';
import { digestSchema } from './policies.ts';
import { problemSchema } from './problem.ts';
import { requestSchema } from './requests.ts';
import { count, decisionIdSchema, instant, text, verdictSchema, ZONED } from './values.ts';

/** The bodies and answers of the HTTP interface about decisions on a request (see requests.ts). */

const reason = z
  .string()
  .max(4000)
  .optional()
  .describe('Why, for people and the audit log. At most 4,000 characters');

const deferSchema = z
  .strictObject({
    until: z.iso
      .datetime({ offset: true, error: ZONED })
      .max(40)
      .optional()
      .describe(`Hidden from your inbox until then. ${ZONED}`),
    to: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('Whom to hand it over to: a selector that the request requires, e.g. `group:dba`'),
  })
  .describe('With the verdict defer: until when, or to whom')
  .register(NAMES, { id: 'DeferBody' });

/** POST /v1/requests/:id/proofs */
export const proofBodySchema = z
  .strictObject({
    grade: z
      .enum(['A', 'B'])
      .describe(
        'The evidence grade that it is to give. A: the signature of a passkey; B: a sign-in for this decision',
      ),
    verdict: z
      .enum(['approve'])
      .describe('The verdict that it is about: no other asks for more than a session'),
    decision_digest: digestSchema.describe('The `decision_digest` that it is about'),
    view_digest: digestSchema.describe('The `view_digest` of the card that the person is shown'),
  })
  .describe('A proof to begin')
  .register(NAMES, { id: 'ProofBody' });

/** A proof that was begun. */
export const proofSchema = z
  .object({
    id: text('Id of the proof: `prf_` and 26 characters'),
    grade: z.enum(['A', 'B']).describe('The evidence grade that it gives'),
    expires_at: instant('Until when it can be used, once, in this session'),
    address: z
      .string()
      .nullable()
      .describe(
        'Of grade B: where the browser goes. It comes back to the page of the request, whose query names the proof, and in `proof_fault` what is wrong with the sign-in',
      ),
    challenge: text('What a passkey of the person signs, or the `nonce` of the ID token, base64url'),
    rp_id: text('The site that the passkeys are for'),
    credentials: z.array(knownCredentialSchema).describe('Of grade A: the passkeys that will do'),
  })
  .describe('For `navigator.credentials.get`, or to sign in again')
  .register(NAMES, { id: 'DecisionProof' });

const sentProofSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^prf_[a-z2-7]{26}$/)
      .describe('Id of the proof that was begun for this decision'),
    passkey: sentAssertionSchema.optional().describe('Of grade A: what a passkey signed over its challenge'),
  })
  .describe('What proves the decision beyond the session')
  .register(NAMES, { id: 'SentProof' });

/** POST /v1/requests/:id/decisions and …/tickets */
export const decisionBodySchema = z
  .strictObject({
    decision_digest: digestSchema.describe(
      'The `decision_digest` that the reviewer saw. `sha256:` and 64 hex digits',
    ),
    verdict: verdictSchema.describe(
      'approve; deny, which ends the request; defer, which decides nothing; or take_back, which takes an approval of your own back until the action starts',
    ),
    takes_back: decisionIdSchema
      .optional()
      .describe(
        'With the verdict take_back: id of the approval. What is pending needs it again; what is approved goes back to planning, and everybody is asked again',
      ),
    reason,
    defer: deferSchema.optional(),
    view_digest: digestSchema
      .optional()
      .describe(
        'The `view_digest` of the card that the reviewer was shown (`GET /v1/requests/{id}/card`). Sessions of browsers have to send it. Without it the decision is recorded as not shown',
      ),
    opened: z
      .array(z.enum(CARD_SECTIONS))
      .max(20)
      .optional()
      .describe(
        'Parts of that card that the reviewer had opened. The client says so, and nobody has checked it',
      ),
    proof: sentProofSchema.optional(),
  })
  .describe('A decision on what the digest names')
  .register(NAMES, { id: 'DecisionBody' });

/** So many decisions are one call at most. */
export const BATCH_MAX = 50;

const batchItemSchema = decisionBodySchema
  .omit({ defer: true, takes_back: true, proof: true })
  .extend({
    id: z.string().min(1).max(100).describe('Id of the request'),
    verdict: verdictSchema.extract(['approve', 'deny']).describe('approve; or deny, which ends the request'),
  })
  .describe('A decision on one of several requests')
  .register(NAMES, { id: 'BatchDecisionBody' });

/** POST /v1/decisions */
export const decideManyBodySchema = z
  .strictObject({
    items: z
      .array(batchItemSchema)
      .min(1)
      .max(BATCH_MAX)
      .refine(
        (items) => new Set(items.map(({ id }) => id)).size === items.length,
        'must name each request once',
      )
      .describe(`1 to ${BATCH_MAX} decisions, each on another request`),
  })
  .describe('Decisions on several requests')
  .register(NAMES, { id: 'DecideManyBody' });

/** POST /v1/requests/:id/withdraw */
export const withdrawBodySchema = z
  .strictObject({ reason })
  .describe('Why a request is withdrawn')
  .register(NAMES, { id: 'WithdrawBody' });

/** A decision that was recorded. */
export const decisionAnswerSchema = z
  .object({ decision: decisionSchema, request: requestSchema })
  .describe('A recorded decision, and the request after it')
  .register(NAMES, { id: 'DecisionAnswer' });

const decisionReference = z
  .object({ id: text('Id of the decision: `dec_` and 26 characters') })
  .describe('The decision')
  .register(NAMES, { id: 'QueuedDecision' });

/** A decision that is durable but not yet counted. */
export const decisionQueuedSchema = z
  .object({
    decision: decisionReference,
    state: z.literal('queued, not counted yet').describe('Where it is'),
  })
  .describe('A decision that is durable and not yet counted')
  .register(NAMES, { id: 'DecisionQueued' });

/** The outcomes of several decisions. */
export const decideManyAnswerSchema = z
  .object({
    items: z
      .array(
        z
          .object({
            id: text('Id of the request'),
            status: count(
              'The HTTP status of this decision alone. 200: it is counted; 202: it is durable and not yet counted; others: it is refused, and `problem` says why',
            ),
            decision: decisionReference.nullable().describe('Null: it is refused'),
            problem: problemSchema.nullable().describe('Why it is refused. Null: it is not'),
          })
          .describe('The outcome of one decision')
          .register(NAMES, { id: 'BatchDecision' }),
      )
      .describe('The outcome of each, in the order of the call'),
  })
  .describe('Outcomes of several decisions')
  .register(NAMES, { id: 'DecideManyAnswer' });

export const ticketSchema = z
  .object({
    ticket: text('The ticket, a compact JWS'),
    expires_at: instant('Until when it can be used'),
    how_to_use: text('What to do with it, for people'),
  })
  .describe('A decision to take to the Temporal UI or CLI')
  .register(NAMES, { id: 'Ticket' });

export type DecisionBody = z.input<typeof decisionBodySchema>;
export type ProofBody = z.infer<typeof proofBodySchema>;
export type ProofAnswer = z.infer<typeof proofSchema>;
export type DecisionAnswer = z.infer<typeof decisionAnswerSchema>;
export type DecisionQueued = z.infer<typeof decisionQueuedSchema>;
export type DecideManyBody = z.input<typeof decideManyBodySchema>;
export type DecideManyAnswer = z.infer<typeof decideManyAnswerSchema>;
export type Ticket = z.infer<typeof ticketSchema>;
