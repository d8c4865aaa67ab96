import { z } from 'zod';

import { REQUEST_STATUSES } from './request.ts';
import { candidatesSchema, earlierRefusalsSchema, freezesSchema } from './wire-circumstances.ts';
import { evidenceAdditions } from './wire-evidence.ts';
import { jsonValueSchema } from './wire-json.ts';
import { identitySchema, namedLineageSchema } from './wire-lineage.ts';
import { planSchema } from './wire-plan.ts';
import { shortageSchema } from './wire-shortage.ts';
import { startBodySchema, startSchema, ZONED } from './wire-start.ts';
import { TEXTS } from './wire-texts.ts';

/**
 * The bodies and answers of the HTTP interface, version 1. Callers, the server and the published document share these
 * schemas; a field is only ever added.
 */

const instant = z.iso.datetime({ precision: 3 }).describe('RFC 3339, UTC, milliseconds');
const digest = z.string().describe('`sha256:` and 64 hex digits');

const jsonObject = z.record(z.string(), jsonValueSchema);

export const statusSchema = z.enum(REQUEST_STATUSES as [(typeof REQUEST_STATUSES)[number]]);
export const riskSchema = z.enum(['low', 'medium', 'high', 'critical']);
export const verdictSchema = z.enum(['approve', 'deny', 'defer']);
export const gradeSchema = z.enum(['A', 'B', 'C', 'D']);
export const modeSchema = z.enum(['execute', 'lease', 'gate']);

/** The id of a request. */
export const requestIdSchema = z.string().regex(/^req_[a-z2-7]{26}$/);

const httpUrl = z.url({ protocol: /^https?$/ }).max(2048);

/** What the agent says about itself: shown as its words, never as facts. */
const claimsSchema = z.strictObject({
  justification: z.string().max(4000).optional(),
  links: z.array(httpUrl).max(10).optional(),
  run_id: z.string().max(200).optional(),
  model: z.string().max(200).optional(),
  prompt_digest: z.string().max(200).optional(),
});

/** POST /v1/requests */
export const createBodySchema = z.strictObject({
  action: z.string().min(1).max(200),
  target: z.string().min(1).max(200),
  mode: modeSchema.default('execute'),
  arguments: jsonObject,
  on_behalf_of: z
    .strictObject({ issuer: z.string().min(1).max(2048).optional(), subject: z.string().min(1).max(512) })
    .optional()
    .describe('The person the agent acts for; the issuer of the token when none is named'),
  claims: claimsSchema.optional(),
  break_glass: z
    .boolean()
    .optional()
    .describe(
      'An emergency: take the short path, where policy has one. Everybody is told, and it is reviewed after',
    ),
  start: startBodySchema.optional(),
});

const deferSchema = z.strictObject({
  until: z.iso
    .datetime({ offset: true, error: ZONED })
    .max(40)
    .optional()
    .describe('Hidden from your inbox until then'),
  to: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('A selector that the request requires, e.g. `group:dba`'),
});

/** POST /v1/requests/:id/decisions and …/tickets */
export const decisionBodySchema = z.strictObject({
  decision_digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .describe('The digest that the reviewer saw'),
  verdict: verdictSchema,
  reason: z.string().max(4000).optional(),
  defer: deferSchema.optional(),
});

/** POST /v1/requests/:id/withdraw */
export const withdrawBodySchema = z.strictObject({ reason: z.string().max(4000).optional() });

const waitQuery = z
  .string()
  .regex(/^\d{1,2}$/, 'whole seconds, 0 to 60')
  .transform(Number)
  .pipe(z.int().min(0).max(60));
const versionQuery = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)
  .pipe(z.int().min(0));
export const limitQuery = z
  .string()
  .regex(/^\d{1,3}$/, '1 to 100')
  .transform(Number)
  .pipe(z.int().min(1).max(100));
const nameQuery = z
  .string()
  .max(200)
  .regex(/^\P{Cc}+$/u, 'no control characters');
export const cursorQuery = z.string().min(1).max(200);

/** GET /v1/requests */
export const listQuerySchema = z.strictObject({
  status: statusSchema.optional(),
  action: nameQuery.optional(),
  target: nameQuery.optional(),
  environment: nameQuery.optional(),
  risk: riskSchema.optional(),
  mine: z.stringbool({ truthy: ['true'], falsy: ['false'], case: 'sensitive' }).optional(),
  limit: limitQuery.optional(),
  cursor: cursorQuery.optional(),
});

/** GET /v1/inbox */
export const inboxQuerySchema = z.strictObject({
  limit: limitQuery.optional(),
  cursor: cursorQuery.optional(),
});

/** GET /v1/requests/:id */
export const showQuerySchema = z.strictObject({
  wait: waitQuery.optional().describe(TEXTS.wait),
  version: versionQuery.optional().describe(TEXTS.version),
});

/** GET /v1/events */
export const eventsQuerySchema = z.strictObject({ request: requestIdSchema.optional() });

const selectorSchema = z.string().describe('`owners`, `group:NAME`, `user:NAME` or `oncall:NAME`');

/** Who must agree. */
export const requirementSchema = z.object({
  risk: riskSchema,
  distinct_people: z.int(),
  rules: z.array(
    z.object({
      rule: z.string(),
      stages: z.array(
        z.object({
          any: z.array(selectorSchema),
          quorum: z.int(),
          escalate: z.array(z.object({ after_ms: z.int(), to: selectorSchema })),
        }),
      ),
      order: z.enum(['parallel', 'sequential']),
      expires_ms: z.int(),
      maximum_age_ms: z.int(),
      minimum_grade: gradeSchema,
      is_reason_required: z.boolean(),
      reviewer_when: z.string().optional().describe('A condition that reviewers must meet as well'),
      clock: z
        .string()
        .optional()
        .describe('Calendar whose business time escalations and the expiry count. Absent: wall time'),
    }),
  ),
  channels: z
    .enum(['summary', 'link'])
    .optional()
    .describe('What chats, mails and lists may show of the request. Absent: all'),
});

const progressSchema = z.object({
  rules: z.array(
    z.object({
      rule: z.string(),
      stages: z.array(
        z.object({
          selectors: z
            .array(selectorSchema)
            .describe('Who may decide it now, escalations that are due included'),
          quorum: z.int(),
          filled: z.int(),
          opened_at: instant.nullable(),
          may_approve: candidatesSchema.optional(),
        }),
      ),
    }),
  ),
});

export const decisionSchema = z.object({
  id: z.string(),
  reviewer: identitySchema,
  person: z.string().nullable(),
  person_name: z.string().optional().describe('In the directory. Absent: not known there'),
  verdict: verdictSchema,
  at: instant,
  grade: gradeSchema,
  channel: z.enum(['api', 'cli', 'temporal']),
  reason: z.string().nullable(),
  defer_until: instant.nullable(),
  defer_to: z.string().nullable(),
  outcome: z.enum(['counted', 'refused']),
  refusal: z.string().nullable(),
  round: z.int(),
});

/** A request as a list shows it. */
export const requestSummarySchema = z.object({
  id: z.string(),
  action: z.string(),
  schema_version: z.int(),
  target: z.string(),
  environment: z.string(),
  mode: modeSchema.describe('gate: Keyturn decides, and performs nothing'),
  status: statusSchema.describe(TEXTS.status),
  denied_by: z.enum(['person', 'policy']).nullable().describe(TEXTS.deniedBy),
  round: z.int().describe(TEXTS.round),
  intent_digest: digest.describe(TEXTS.intentDigest),
  decision_digest: digest.nullable().describe(TEXTS.decisionDigest),
  risk: riskSchema.nullable().describe(TEXTS.rated),
  risk_reasons: z.array(z.string()).nullable().describe('Null for readers who may not see details'),
  summary: z.string().nullable().describe('Null for readers who may not see details'),
  matched_rules: z
    .array(z.object({ id: z.string(), because: z.string().nullable() }))
    .nullable()
    .describe(TEXTS.rated),
  requirement: requirementSchema.nullable().describe(`Who must agree. ${TEXTS.rated}`),
  progress: progressSchema.nullable(),
  may_decide: z.array(z.string()).nullable().describe(TEXTS.mayDecide),
  pending_since: instant.nullable(),
  expires_at: instant.nullable().describe(TEXTS.expiresAt),
  requested_by: identitySchema,
  lineage: namedLineageSchema,
  shortage: z
    .array(shortageSchema)
    .nullable()
    .describe('Rules that cannot be satisfied: too few people are eligible. Null when each can be'),
  is_break_glass: z.boolean(),
  start: startSchema.optional(),
  held_until: instant.nullable().describe(TEXTS.heldUntil),
  freezes: freezesSchema.optional(),
  failure: z
    .object({
      code: z.string().describe(TEXTS.failureCode),
      detail: z.string().optional().describe(TEXTS.failureDetail),
    })
    .nullable()
    .describe(TEXTS.failure),
  result: jsonValueSchema.nullable().describe(TEXTS.result),
  created_at: instant,
  updated_at: instant,
  version: z.int().describe('Grows with every change; 0 while nothing is recorded yet'),
  temporal_ui_url: z.string().optional(),
});

/** A request as its own page shows it. Details are there only for readers who may see them. */
export const requestSchema = requestSummarySchema.extend({
  plan: planSchema.optional(),
  arguments: jsonObject.optional(),
  claims: claimsSchema.nullable().optional(),
  decisions: z.array(decisionSchema).optional(),
  review: z
    .object({ id: z.string(), status: statusSchema })
    .nullable()
    .optional()
    .describe('Of an emergency that is over: the request that reviews it. Null where there is none'),
  earlier_refusals: earlierRefusalsSchema.optional(),
});

export const requestPageSchema = z.object({
  items: z.array(requestSummarySchema),
  next_cursor: z
    .string()
    .nullable()
    .describe(
      'Null when nothing follows. Until then a page may hold fewer items than its limit, or none: a call looks at so many requests and no more',
    ),
});

/** A decision that was recorded. */
export const decisionAnswerSchema = z.object({ decision: decisionSchema, request: requestSchema });

/** A decision that is durable but not yet counted. */
export const decisionQueuedSchema = z.object({
  decision: z.object({ id: z.string() }),
  state: z.literal('queued, not counted yet'),
});

export const ticketSchema = z.object({ ticket: z.string(), expires_at: instant, how_to_use: z.string() });

export const timelineSchema = z.object({
  items: z.array(
    z.object({
      n: z.int(),
      at: z.iso.datetime(),
      type: z.string(),
      actor: z.object({
        kind: z.enum(['person', 'agent', 'system']),
        name: z.string().optional(),
        id: z.string().optional().describe('In the directory: names can be changed, and be alike'),
      }),
      text: z.string(),
      facts: jsonObject,
      parts: jsonObject.optional().describe('Only for readers who may see details'),
      grade: gradeSchema.optional(),
    }),
  ),
});

/** A JSON Web Key Set of public keys. */
export const keysSchema = z.object({ keys: z.array(z.record(z.string(), jsonValueSchema)) });

/** Everything that checks one request offline. */
export const evidenceSchema = z.object({
  request: requestSchema.nullable().describe('Null: what is stored is not what was signed or planned'),
  leaves: z.array(z.string()).describe('The exact bytes of each audit entry, per run in order'),
  payloads: z.array(z.object({ event_id: z.string(), part: z.string(), salt: z.string(), body: z.string() })),
  envelopes: z.array(z.string()).describe('Compact JWS: the signed request, then its decisions'),
  keys: keysSchema,
  ...evidenceAdditions,
});

/** The `data` of a `request.changed` event. */
export const changeSchema = z.object({
  entry: z.int().describe(TEXTS.changeEntry),
  request: z.string(),
  type: z.string(),
  at: z.iso.datetime(),
  status: statusSchema.optional().describe(TEXTS.changeStatus),
});

export { problemSchema, type Problem } from './wire-problem.ts';

export type CreateBody = z.input<typeof createBodySchema>;
export type DecisionBody = z.input<typeof decisionBodySchema>;
export type RequestSummary = z.infer<typeof requestSummarySchema>;
export type RequestView = z.infer<typeof requestSchema>;
export type RequestPage = z.infer<typeof requestPageSchema>;
export type DecisionView = z.infer<typeof decisionSchema>;
export type DecisionAnswer = z.infer<typeof decisionAnswerSchema>;
export type DecisionQueued = z.infer<typeof decisionQueuedSchema>;
export type Ticket = z.infer<typeof ticketSchema>;
export type Timeline = z.infer<typeof timelineSchema>;
export type Evidence = z.infer<typeof evidenceSchema>;
export type Change = z.infer<typeof changeSchema>;
