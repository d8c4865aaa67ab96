import { z } from 'zod';

import { REQUEST_STATUSES } from './request.ts';
import { jsonValueSchema } from './wire-json.ts';

/** What evidence holds beside the log of a request, so that the log can be compared with it and evaluated again. */

const instant = z.iso.datetime();
const account = z.object({ issuer: z.string(), subject: z.string() });

/** The request as the database has it outside of the log. */
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
  /** The entries by which these sets became active, from the stream of policies. */
  policy_entries: z.array(z.string()),
  /** What the stream of kill switches says of those that stopped the request; absent in evidence of earlier versions. */
  switch_entries: z.array(z.string()).optional(),
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
