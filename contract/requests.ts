import { z } from 'zod';

import { earlierRefusalsSchema, freezesSchema } from './circumstances.ts';
import { anyJson, jsonValueSchema } from '../domain/crypto/json.ts';
import { identitySchema, namedLineageSchema } from './lineage.ts';
import { NAMES } from './names.ts';
import { planSchema } from './plan.ts';
import { matchedRuleSchema, progressSchema, requirementSchema, shortageSchema } from './requirement.ts';
import { decisionSchema } from './history.ts';
import { questionSchema } from './questions.ts';
import { TEXTS } from './texts.ts';
import {
  count,
  digest,
  flag,
  instant,
  modeSchema,
  pageCursor,
  pageLimit,
  riskSchema,
  statusSchema,
  text,
  texts,
  ZONED,
} from './values.ts';

/**
 * The bodies and answers of the HTTP interface, version 1. Callers, the server and the published document share these
 * schemas; a field is only ever added.
 */

const jsonObject = z.record(z.string(), jsonValueSchema);

const httpUrl = z.url({ protocol: /^https?$/ }).max(2048);

/** What the agent says about itself: shown as its words, never as facts. */
const claims = {
  justification: z.string().max(4000).optional().describe('Why, for reviewers. At most 4,000 characters'),
  links: z
    .array(httpUrl)
    .max(10)
    .optional()
    .describe('What it refers to: `http` or `https` URLs, at most 10'),
  run_id: z.string().max(200).optional().describe('Id of the run of the agent or pipeline'),
  model: z.string().max(200).optional().describe('Model and version'),
  prompt_digest: z.string().max(200).optional().describe('Digest of the first prompt, in any form'),
};
const CLAIMS = 'What the agent says of itself: shown as its words, never as facts';

/** The claims of the agent, as they are answered. */
export const claimsSchema = z.object(claims).describe(CLAIMS).register(NAMES, { id: 'Claims' });

const given = z.iso.datetime({ offset: true, error: ZONED }).max(40);

/** When an approved action may start, as it is asked for. */
export const startBodySchema = z
  .strictObject({
    not_before: given.optional().describe(`Not before this instant. ${ZONED}`),
    not_after: given
      .optional()
      .describe(`Before this instant: what is not approved by then expires. ${ZONED}`),
  })
  .describe('When the approved action may start: from the first instant on, and before the second')
  .register(NAMES, { id: 'StartBody' });

/** The same as people read it. */
const startSchema = z
  .object({
    not_before: instant('Not before this instant. Null: at once').nullable(),
    not_after: instant('Before this instant. Null: at any time').nullable(),
  })
  .describe('When the approved action may start, as the requester set it. Absent: at once')
  .register(NAMES, { id: 'StartWindow' });

/** POST /v1/requests */
export const createBodySchema = z
  .strictObject({
    action: z.string().min(1).max(200).describe('Name of the action, as `GET /v1/actions` lists it'),
    target: z.string().min(1).max(200).describe('Id of the target, as `GET /v1/targets` lists it'),
    mode: z
      .enum(modeSchema.options)
      .describe('The mode that the catalogue names for the action')
      .register(NAMES, { id: 'RequestMode' })
      .default('execute'),
    arguments: jsonObject.describe("What the action needs, by the action's JSON Schema"),
    on_behalf_of: z
      .strictObject({
        issuer: z.string().min(1).max(2048).optional().describe('Without it: the issuer of the token'),
        subject: z.string().min(1).max(512).describe('Subject of the person at the issuer'),
      })
      .describe('The person the agent acts for; the issuer of the token when none is named')
      .register(NAMES, { id: 'OnBehalfOfBody' })
      .optional(),
    claims: z.strictObject(claims).describe(CLAIMS).register(NAMES, { id: 'ClaimsBody' }).optional(),
    break_glass: flag(
      'Take the break-glass path, where policy has one. Everybody is notified, and it is reviewed afterwards',
    ).optional(),
    start: startBodySchema.optional(),
  })
  .describe('A request for a privileged action')
  .register(NAMES, { id: 'CreateRequestBody' });

const waitQuery = z
  .string()
  .regex(/^\d{1,2}$/, 'must be whole seconds, 0 to 60')
  .transform(Number)
  .pipe(z.int().min(0).max(60));
const versionQuery = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number')
  .transform(Number)
  .pipe(z.int().min(0));
/** A name that a query has. */
export const nameQuery = z
  .string()
  .max(200)
  .regex(/^\P{Cc}+$/u, 'must have no control characters');

const searchText = z
  .string()
  .max(200)
  .regex(/^\P{Cc}*$/u, 'must have no control characters')
  .optional();

/** GET /v1/requests */
export const listQuerySchema = z.strictObject({
  q: searchText.describe(
    'Only requests with this text, in upper or lower case, in the name of the action, target or environment of the active policy, or in the name, id or account of somebody behind it in the directory (of the first 100 that have it); with this text as id, action or target; for operators and auditors also in the summary of one of the 20,000 newest that are not their own. At most 200 characters, none of which has a meaning of its own',
  ),
  from: given.optional().describe(`Only requests created at this instant or later. ${ZONED}`),
  to: given.optional().describe(`Only requests created before this instant. ${ZONED}`),
  status: statusSchema.optional().describe('Only requests with this status'),
  action: nameQuery.optional().describe('Only requests for this action'),
  target: nameQuery.optional().describe('Only requests on this target'),
  environment: nameQuery.optional().describe('Only requests on targets of this environment'),
  risk: riskSchema.optional().describe('Only requests of this risk tier'),
  mine: z
    .stringbool({ truthy: ['true'], falsy: ['false'], case: 'sensitive' })
    .optional()
    .describe('true: only requests that you are behind'),
  limit: pageLimit(50),
  cursor: pageCursor,
});

export const inboxScopeSchema = z.enum(['me', 'groups', 'all']);
export const inboxSortSchema = z.enum(['newest', 'deadline']);

/** GET /v1/inbox */
export const inboxQuerySchema = z.strictObject({
  scope: inboxScopeSchema
    .optional()
    .describe(
      'Which pending requests. me: that you may decide now; groups: that name you, a group of yours or a rotation that you are in, also where you may not decide now, such as what you have decided, and of your own what is open to them; all: that you may see. Without it: me',
    ),
  sort: inboxSortSchema
    .optional()
    .describe('newest: the newest first; deadline: what expires first comes first. Without it: newest'),
  q: searchText.describe(
    'Only requests with this text, in upper or lower case, in the action, target, environment or id, or in the account of the requester or the name of somebody behind it. At most 200 characters, none of which has a meaning of its own',
  ),
  limit: pageLimit(50),
  cursor: pageCursor,
});

/** GET /v1/requests/:id */
export const showQuerySchema = z.strictObject({
  wait: waitQuery.optional().describe(TEXTS.wait),
  version: versionQuery.optional().describe(TEXTS.version),
});

const failureSchema = z
  .object({
    code: text(TEXTS.failureCode),
    detail: z.string().optional().describe(TEXTS.failureDetail),
  })
  .describe('Why it ended without taking effect')
  .register(NAMES, { id: 'RequestFailure' });

/** A request as a list shows it. */
export const requestSummarySchema = z
  .object({
    id: text('Id of the request: `req_` and 26 characters'),
    action: text('Name of the action'),
    schema_version: count('Version of the schema of its arguments'),
    target: text('Id of the target'),
    environment: text('Environment of the target, e.g. `prod`'),
    mode: modeSchema,
    status: statusSchema.describe(TEXTS.status),
    denied_by: z.enum(['person', 'policy']).nullable().describe(TEXTS.deniedBy),
    round: count(TEXTS.round),
    intent_digest: digest(TEXTS.intentDigest),
    decision_digest: digest(TEXTS.decisionDigest).nullable(),
    risk: riskSchema.nullable().describe(`How risky policy holds it to be. ${TEXTS.rated}`),
    risk_reasons: texts('Why it is held to be so risky. Null for readers who may not see details').nullable(),
    summary: z.string().nullable().describe('The plan in one line. Null for readers who may not see details'),
    matched_rules: z.array(matchedRuleSchema).nullable().describe(`Rules that acted. ${TEXTS.rated}`),
    requirement: requirementSchema.nullable().describe(`Who must agree. ${TEXTS.rated}`),
    progress: progressSchema
      .nullable()
      .describe('How far the approvals are. Null while nobody has to decide'),
    may_decide: z.array(z.string()).nullable().describe(TEXTS.mayDecide),
    pending_since: instant('Since when people are asked in this round. Null: they are not').nullable(),
    expires_at: instant(TEXTS.expiresAt).nullable(),
    requested_by: identitySchema,
    lineage: namedLineageSchema,
    shortage: z
      .array(shortageSchema)
      .nullable()
      .describe('Rules that cannot be satisfied: too few people are eligible. Null when each can be'),
    is_break_glass: flag('It takes the break-glass path'),
    start: startSchema.optional(),
    held_until: instant(TEXTS.heldUntil).nullable(),
    freezes: freezesSchema.optional(),
    failure: failureSchema.nullable().describe(TEXTS.failure),
    result: anyJson(TEXTS.result),
    created_at: instant('When it was created'),
    updated_at: instant('When it changed last'),
    version: count('Grows with every change; 0 while nothing is recorded yet'),
    temporal_ui_url: text(
      'Its workflow in the Temporal UI, a URL. For people, where one is configured',
    ).optional(),
  })
  .describe('A request as a list shows it')
  .register(NAMES, { id: 'RequestSummary' });

const reviewSchema = z
  .object({ id: text('Id of the request that reviews it'), status: statusSchema.describe('Its status') })
  .describe('The review of a break-glass request')
  .register(NAMES, { id: 'EmergencyReview' });

/** A request as its own page shows it. Details are there only for readers who may see them. */
export const requestSchema = requestSummarySchema
  .extend({
    plan: planSchema.optional(),
    arguments: jsonObject.optional().describe('What was sent. For its reviewers and those behind it'),
    claims: claimsSchema.nullable().optional(),
    decisions: z.array(decisionSchema).optional().describe('All decisions, the oldest first'),
    questions: z
      .array(questionSchema)
      .optional()
      .describe(
        'Questions to those behind the request and their answers, the oldest first. For its reviewers and those behind it. Absent: there are none',
      ),
    review: reviewSchema
      .nullable()
      .optional()
      .describe(
        'Of a break-glass request that is over: the request that reviews it. Null where there is none',
      ),
    earlier_refusals: earlierRefusalsSchema.optional(),
  })
  .describe('A request. Details are there only for readers who may see them')
  .register(NAMES, { id: 'Request' });

export const requestPageSchema = z
  .object({
    items: z.array(requestSummarySchema).describe('Requests'),
    next_cursor: text(
      'Send it as `cursor` for the next page. Null when nothing follows. Until then a page may hold fewer items than its limit, or none: a call looks at so many requests and no more',
    ).nullable(),
  })
  .describe('A page of requests')
  .register(NAMES, { id: 'RequestPage' });

const counted = (what: string) => count(`${what}. 1000: at least so many`);

/** A page of the inbox. */
export const inboxPageSchema = requestPageSchema
  .extend({
    counts: z
      .object({
        me: counted('That you may decide now. Of more than 100, a few may turn out not to be for you'),
        groups: counted('That name you or yours'),
        all: counted('That you may see'),
      })
      .nullable()
      .describe(
        'How many pending requests each scope holds, whatever `q` says. With the first page; null with others',
      )
      .register(NAMES, { id: 'InboxCounts' }),
  })
  .describe('A page of the inbox')
  .register(NAMES, { id: 'InboxPage' });

export type CreateBody = z.input<typeof createBodySchema>;
export type RequestSummary = z.infer<typeof requestSummarySchema>;
export type RequestView = z.infer<typeof requestSchema>;
export type RequestPage = z.infer<typeof requestPageSchema>;
export type InboxPage = z.infer<typeof inboxPageSchema>;
