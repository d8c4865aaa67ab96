import { z } from 'zod';

import { anyJson } from '../domain/crypto/json.ts';
import { keysSchema } from './keys.ts';
import { accountSchema } from './lineage.ts';
import { NAMES } from './names.ts';
import { requestSchema } from './requests.ts';
import { count, digest, flag, logInstant, statusSchema, text, texts } from './values.ts';

/** The evidence of a request: its log, and what the log can be compared with and evaluated again. */

/** What an entry commits to and does not hold itself. */
const entryPartSchema = z
  .object({
    event_id: text('Id of the entry'),
    part: text('Name of the part'),
    salt: text('Salt that the commitment in the entry was made with, hex'),
    body: text('The part as JSON text'),
  })
  .describe('A part of an audit entry, stored beside it so that it can be erased')
  .register(NAMES, { id: 'EntryPart' });

const failureSchema = z
  .object({ code: text('A stable word'), detail: text('A sentence for people') })
  .describe('Why it ended without taking effect, as it is stored')
  .register(NAMES, { id: 'StoredFailure' });

/** What people are shown of a request beside its plan, as its row has it. */
const shownRowSchema = z
  .object({
    action: text('Name of the action'),
    schema_version: count('Version of the schema of its arguments'),
    target: text('Id of the target'),
    environment: text('Environment of the target'),
    mode: text('Mode of the request'),
    intent_digest: digest('Digest of what was requested'),
    lineage: anyJson('Accounts behind the request, with their roles'),
    requested_by: accountSchema,
    creation_policy: digest('Digest of the policy by which it was created'),
    created_at: logInstant('When it was created'),
    is_break_glass: flag('It took the break-glass path'),
    risk: z.string().nullable().describe('Risk tier'),
    risk_reasons: z.array(z.string()).nullable().describe('Reasons for the risk tier'),
    matched_rules: texts('Ids of the rules that acted: the policy has their words').nullable(),
    summary: z.string().nullable().describe('Summary of the plan'),
    requirement: anyJson('Who must agree; null while nobody is asked'),
    pending_since: logInstant('Since when people are asked').nullable(),
    expires_at: logInstant('When it expires').nullable(),
    held_until: logInstant('Until when it is held').nullable(),
    open_selectors: z.array(z.string()).describe('Selectors of those whose inboxes hold it'),
    result: anyJson('What the action returned; null until it succeeded'),
    failure: failureSchema.nullable(),
  })
  .describe('The request as its database row has it')
  .register(NAMES, { id: 'StoredRequest' });

/** What people are shown of a decision, as its row has it. */
const decisionRowSchema = z
  .object({
    id: text('Id of the decision: `dec_` and 26 characters'),
    round: count('Round of the request in which it was made'),
    person: z.string().nullable().describe('Id of the person in the directory'),
    verdict: text('approve, deny, defer or take_back'),
    takes_back: z
      .string()
      .nullable()
      .describe('Of take_back: id of the approval that it takes back. Null: of other verdicts'),
    at: logInstant('When it was made'),
    grade: text('Evidence grade, A to D'),
    seats: anyJson('Places in the requirement that it was counted for'),
    reviewer: accountSchema,
    channel: text('How it came in'),
    reason: z.string().nullable().describe('The reason as it was signed: sealed (compact JWE)'),
    defer_until: logInstant('Until when it was deferred').nullable(),
    defer_to: z.string().nullable().describe('The selector to whom it was handed over'),
    outcome: text('counted or refused'),
    refusal: z.string().nullable().describe('Why it was refused: a code'),
  })
  .describe('A decision as its database row has it')
  .register(NAMES, { id: 'StoredDecision' });

/** What the API has acknowledged and kept for the workers. */
const keptMessageSchema = z
  .object({
    id: text('Id of the message'),
    envelope: text('The signed message, compact JWS'),
    kept_at: logInstant('When the API kept it'),
    is_consumed: flag('A worker has taken it'),
  })
  .describe('A decision or withdrawal that the API acknowledged and kept for the workers')
  .register(NAMES, { id: 'KeptMessage' });

const executionSchema = z
  .object({
    attempt: count('Number of the attempt, from 1'),
    idempotency_key: text('The key that the connector used at the target'),
    decision_digest: digest('What was approved'),
    state: z
      .enum(['claimed', 'succeeded', 'failed', 'released', 'not_done', 'indeterminate'])
      .describe('Its outcome'),
  })
  .describe('A claim to perform the action')
  .register(NAMES, { id: 'ExecutionClaim' });

const requestStateSchema = z
  .object({
    status: statusSchema.describe('Status of the request'),
    denied_by: z.enum(['person', 'policy']).nullable().describe('Of a denied request: who denied it'),
    round: count('Round of the request'),
    decision_digest: digest('Digest of what people decide on').nullable(),
    plan_digest: digest('Digest of the plan').nullable(),
    executions: z.array(executionSchema).describe('Claims to perform the action, by attempt'),
    row: shownRowSchema.optional(),
    decisions: z.array(decisionRowSchema).optional().describe('All decisions'),
    kept: z.array(keptMessageSchema).optional().describe('Messages that the API kept for the workers'),
  })
  .describe('The request as the database has it outside of the log')
  .register(NAMES, { id: 'EvidenceState' });

const directoryPersonSchema = z
  .object({
    id: text('Id of the person'),
    active: flag('May act'),
    accounts: z.array(accountSchema).describe('Accounts that count as this person'),
    former_accounts: z
      .array(accountSchema)
      .optional()
      .describe('Accounts that were linked to this person once. Absent for none'),
  })
  .describe('A person of the directory, without the name')
  .register(NAMES, { id: 'DirectoryPerson' });

const directoryAgentSchema = accountSchema
  .extend({
    id: text('Id of the agent'),
    active: flag('May act'),
    owner: text('Id of the person who answers for it'),
    acts_for_people: flag('Its requests must name a person for whom it acts'),
  })
  .describe('An agent of the directory, without the name')
  .register(NAMES, { id: 'DirectoryAgent' });

const directoryGroupSchema = z
  .object({
    id: text('Id of the group'),
    members: z.array(z.string()).describe('Ids of people'),
    groups: z.array(z.string()).describe('Ids of groups whose members belong to it as well'),
  })
  .describe('A group of the directory')
  .register(NAMES, { id: 'DirectoryGroup' });

/** The directory of an instant, without names, as far as it concerns the people of one request. */
const directoryPartSchema = z
  .object({
    generation: text('Number of the change that made it'),
    people: z.array(directoryPersonSchema).describe('People of this request'),
    agents: z.array(directoryAgentSchema).describe('Agents of this request'),
    groups: z.array(directoryGroupSchema).describe('Groups of its people'),
  })
  .describe('The directory of an instant, as far as it concerns the people of this request')
  .register(NAMES, { id: 'DirectoryExcerpt' });

/** A change of the directory, with the entry that it was made with. */
const directoryChangeSchema = z
  .object({
    generation: text('Number of the change'),
    entry: z.string().nullable().describe('The audit entry of the change, exact text'),
    policy: digest('The policy whose files said what they say of the directory then').nullable(),
  })
  .describe('A change of the directory')
  .register(NAMES, { id: 'DirectoryChange' });

const stored = z
  .object({ digest: digest('Digest of the body'), body: anyJson('The document') })
  .describe('A stored document and its digest')
  .register(NAMES, { id: 'StoredDocument' });

const factsSchema = stored
  .extend({
    engine: anyJson('The version of the policy engine'),
    directory: directoryPartSchema,
  })
  .describe('Facts of one evaluation, with the engine that evaluated them and the directory of that time')
  .register(NAMES, { id: 'EvaluatedFacts' });

const decisionDirectoriesSchema = z
  .object({
    decision: text('Id of the decision'),
    directories: z
      .array(directoryPartSchema)
      .describe('The directory when it was recorded, and when it was made'),
  })
  .describe('The directories by which a decision was checked')
  .register(NAMES, { id: 'DecisionDirectories' });

/** What policy was evaluated with, and who people were. */
const evaluationInputsSchema = z
  .object({
    facts: z.array(factsSchema).describe('Facts of each evaluation'),
    policies: z.array(stored).describe('Every policy that an entry names'),
    policy_entries: z
      .array(z.string())
      .describe('Entries by which these policies became active and were replaced, exact text'),
    switch_entries: z.array(z.string()).describe('Entries about kill switches of its time, exact text'),
    switch_parts: z
      .array(entryPartSchema)
      .describe('Which agents these switches stop, as far as that was not erased'),
    passkey_entries: z
      .array(z.string())
      .optional()
      .describe(
        'Entries about the passkeys that signed decisions: when they were registered and revoked, exact text',
      ),
    id_tokens: z
      .array(
        z
          .object({
            digest: digest('Digest of the token, as the decision was signed with it'),
            token: text('The ID token'),
          })
          .describe('An ID token by which somebody proved a decision')
          .register(NAMES, { id: 'DecisionIdToken' }),
      )
      .optional()
      .describe('ID tokens by which decisions were proven, as far as they were not erased'),
    plans: z.array(stored).describe('All plans, the oldest first'),
    directory_changes: z
      .array(directoryChangeSchema)
      .describe('The change behind every directory named here'),
    directory_at_creation: directoryPartSchema,
    decisions: z
      .array(decisionDirectoriesSchema)
      .describe('For each decision: the directories it was checked by'),
    people: z.record(z.string(), z.string()).describe('Ids of people by the pseudonyms in entries'),
  })
  .describe('What policy was evaluated with, and who people were')
  .register(NAMES, { id: 'EvidenceInputs' });

/** What checks one request offline: its log, and beside it what its reader may see. */
export const evidenceContents = {
  leaves: z.array(z.string()).describe('The exact bytes of each audit entry, per run in order'),
  payloads: z.array(entryPartSchema).describe('Parts of these entries, as far as they were not erased'),
  envelopes: z.array(z.string()).describe('Compact JWS: the signed request, then its decisions'),
  read_at: logInstant("When the evidence was read, by the server's clock").optional(),
  state: requestStateSchema.optional(),
  /** Only for readers who may see them. */
  inputs: evaluationInputsSchema.optional(),
};

/** Everything that checks one request offline. */
export const evidenceSchema = z
  .object({
    request: requestSchema.nullable().describe('Null: what is stored is not what was signed or planned'),
    ...evidenceContents,
    keys: keysSchema,
  })
  .describe('Everything that verifies one request offline, with `keyturn verify`')
  .register(NAMES, { id: 'Evidence' });

export type Evidence = z.infer<typeof evidenceSchema>;
export type DirectoryChange = z.infer<typeof directoryChangeSchema>;
export type DirectoryPart = z.infer<typeof directoryPartSchema>;
export type EvaluationInputs = z.infer<typeof evaluationInputsSchema>;
export type RequestState = z.infer<typeof requestStateSchema>;
export type ShownRow = z.infer<typeof shownRowSchema>;
export type ShownDecision = z.infer<typeof decisionRowSchema>;
