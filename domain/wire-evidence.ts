import { z } from 'zod';

import { REQUEST_STATUSES } from './request.ts';
import { jsonValueSchema } from './wire-json.ts';

/** What evidence holds beside the log of a request, so that the log can be compared with it and evaluated again. */

const instant = z.iso.datetime();
const account = z.object({ issuer: z.string(), subject: z.string() });

/** What people are shown of a request beside its plan, as its row has it. */
const shownRowSchema = z.object({
  action: z.string(),
  schema_version: z.int(),
  target: z.string(),
  environment: z.string(),
  mode: z.string(),
  intent_digest: z.string(),
  lineage: jsonValueSchema,
  requested_by: account,
  creation_policy: z.string(),
  created_at: instant,
  is_break_glass: z.boolean(),
  risk: z.string().nullable(),
  risk_reasons: z.array(z.string()).nullable(),
  /** Their ids: what policy says of them is in the policy. */
  matched_rules: z.array(z.string()).nullable(),
  summary: z.string().nullable(),
  requirement: jsonValueSchema,
  pending_since: instant.nullable(),
  expires_at: instant.nullable(),
  held_until: instant.nullable(),
  /** Whose inboxes hold it. */
  open_selectors: z.array(z.string()),
  result: jsonValueSchema,
  failure: z.object({ code: z.string(), detail: z.string() }).nullable(),
});

/** What people are shown of a decision, as its row has it. */
const decisionRowSchema = z.object({
  id: z.string(),
  round: z.int(),
  person: z.string().nullable(),
  verdict: z.string(),
  at: instant,
  grade: z.string(),
  seats: jsonValueSchema,
  reviewer: account,
  channel: z.string(),
  /** As it was signed: sealed. */
  reason: z.string().nullable(),
  defer_until: instant.nullable(),
  defer_to: z.string().nullable(),
  outcome: z.string(),
  refusal: z.string().nullable(),
});

/** What the API has acknowledged and kept for the workers. */
const keptMessageSchema = z.object({
  id: z.string(),
  envelope: z.string(),
  kept_at: instant,
  is_consumed: z.boolean(),
});

/** The request as the database has it outside of the log. Optional: what evidence of earlier versions lacks. */
const requestStateSchema = z.object({
  status: z.enum(REQUEST_STATUSES as [(typeof REQUEST_STATUSES)[number]]),
  denied_by: z.enum(['person', 'policy']).nullable(),
  round: z.int(),
  decision_digest: z.string().nullable(),
  plan_digest: z.string().nullable(),
  /** Claims of executions, by attempt. */
  executions: z.array(
    z.object({
      attempt: z.int(),
      idempotency_key: z.string(),
      decision_digest: z.string(),
      state: z.enum(['claimed', 'succeeded', 'failed', 'released', 'not_done', 'indeterminate']),
    }),
  ),
  row: shownRowSchema.optional(),
  decisions: z.array(decisionRowSchema).optional(),
  kept: z.array(keptMessageSchema).optional(),
});

/** The directory of an instant, without names, as far as it concerns the people of one request. */
const directoryPartSchema = z.object({
  /** The number of the change that made it; absent in evidence of earlier versions. */
  generation: z.string().optional(),
  people: z.array(z.object({ id: z.string(), active: z.boolean(), accounts: z.array(account) })),
  agents: z.array(
    account.extend({
      id: z.string(),
      active: z.boolean(),
      owner: z.string(),
      acts_for_people: z.boolean(),
    }),
  ),
  groups: z.array(z.object({ id: z.string(), members: z.array(z.string()), groups: z.array(z.string()) })),
});

/** A change of the directory, with the entry that it was made with. */
const directoryChangeSchema = z.object({
  generation: z.string(),
  /** False for changes from before changes named their entries. */
  is_tied: z.boolean(),
  entry: z.string().nullable(),
  /** The policy whose file said what the file says of the directory then. */
  policy: z.string().nullable(),
});

const stored = z.object({ digest: z.string(), body: jsonValueSchema });

/** What policy was evaluated with, and who people were. */
const evaluationInputsSchema = z.object({
  /** Facts of each evaluation, with the engine that evaluated them and the directory that it was done by. */
  facts: z.array(stored.extend({ engine: jsonValueSchema, directory: directoryPartSchema })),
  /** Every policy set that an entry names. */
  policies: z.array(stored),
  /** The entries by which these sets became active and were replaced, from the stream of policies. */
  policy_entries: z.array(z.string()),
  /** What the stream of kill switches says of those that were engaged in its time; absent in evidence of earlier versions. */
  switch_entries: z.array(z.string()).optional(),
  /** Which agents these switches stop, as far as that was not erased. */
  switch_parts: z
    .array(z.object({ event_id: z.string(), part: z.string(), salt: z.string(), body: z.string() }))
    .optional(),
  plans: z.array(stored),
  /** The change behind every directory named here. */
  directory_changes: z.array(directoryChangeSchema).optional(),
  /** The directory when the request was made. */
  directory_at_creation: directoryPartSchema,
  /** For each decision on record: the directory when it was made and when it was recorded. */
  decisions: z.array(z.object({ decision: z.string(), directories: z.array(directoryPartSchema) })),
  /** The person behind each pseudonym of a person. */
  people: z.record(z.string(), z.string()),
});

/** The additions to the evidence of a request; absent in evidence of earlier versions. */
export const evidenceAdditions = {
  /** When the evidence was read, by the server's clock. */
  read_at: instant.optional(),
  state: requestStateSchema.optional(),
  /** Only for readers who may see them. */
  inputs: evaluationInputsSchema.optional(),
};

export type DirectoryChange = z.infer<typeof directoryChangeSchema>;
export type DirectoryPart = z.infer<typeof directoryPartSchema>;
export type EvaluationInputs = z.infer<typeof evaluationInputsSchema>;
export type RequestState = z.infer<typeof requestStateSchema>;
export type ShownRow = z.infer<typeof shownRowSchema>;
export type ShownDecision = z.infer<typeof decisionRowSchema>;
