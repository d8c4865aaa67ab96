import { z } from 'zod';

import { accountSchema } from './lineage.ts';
import { NAMES } from './names.ts';
import { count, digest, flag, nextCursor, pageCursor, pageLimit, text, texts } from './values.ts';

/** The bodies and answers of the HTTP interface about the streams of the audit log that belong to no request (see requests.ts). */

/** What governs everybody is on record in streams of its own. */
export const GOVERNING_STREAMS = [
  'policy',
  'proposals',
  'switches',
  'directory',
  'sessions',
  'keys',
  'passkeys',
] as const;

export const streamNameSchema = z.enum(GOVERNING_STREAMS);

/** GET /v1/audit/:stream */
export const streamQuerySchema = z.strictObject({ limit: pageLimit(100), cursor: pageCursor });

const activePolicySchema = z
  .object({
    digest: digest('Digest of the active policy'),
    generation: count('Grows whenever another one becomes active'),
  })
  .describe('The active policy')
  .register(NAMES, { id: 'ActivePolicy' });

const storedPolicySchema = z
  .object({
    digest: digest('Digest that names the policy'),
    is_intact: flag('What is stored is what the digest names'),
  })
  .describe('A stored policy')
  .register(NAMES, { id: 'StoredPolicy' });

const switchStateSchema = z
  .object({
    id: text('Id of the kill switch'),
    is_engaged: flag('It is engaged now'),
    scope: z
      .object({
        kind: text('agent, action, target or all'),
        value: z.string().nullable().describe('Which of them; null for all'),
      })
      .describe('What it stops')
      .register(NAMES, { id: 'StoredScope' })
      .optional(),
    account: accountSchema.nullable().optional().describe('The account of the agent that it stops'),
    reason: z.string().optional().describe('Why it was engaged'),
    thrown_at: z.iso.datetime({ offset: true }).optional().describe('When it was engaged. RFC 3339'),
    salts: z
      .record(z.string(), z.string())
      .optional()
      .describe('The salts of the entry that engaged it, by part, hex'),
  })
  .describe('A kill switch as the database has it')
  .register(NAMES, { id: 'KillSwitchState' });

const sessionStateSchema = z
  .object({
    id: text('Id of the session'),
    expires_at: z.iso.datetime({ offset: true }).describe('When it ends at the latest. RFC 3339'),
    is_ended: flag('Somebody ended it before that'),
  })
  .describe('A session as the database has it')
  .register(NAMES, { id: 'SessionState' });

const keyStateSchema = z
  .object({
    id: text('Id of the API key'),
    expires_at: z.iso.datetime({ offset: true }).describe('When it ends. RFC 3339'),
    actions: texts('Ids of the actions that it is for').nullable(),
    targets: texts('Ids of the targets that it is for').nullable(),
    row_digest: digest('SHA-256 over that of the key, its agent and who made it, a line each'),
    is_revoked: flag('Somebody revoked it before that'),
  })
  .describe('An API key as the database has it')
  .register(NAMES, { id: 'ApiKeyState' });

const passkeyStateSchema = z
  .object({
    id: text('Id of the passkey'),
    credential: text('Id of the credential'),
    public_key: z.record(z.string(), z.string()).describe('Its public key, as JWK'),
    rp_id: text('The site that it is for'),
    origin: text('The page that it is for'),
    row_digest: digest('SHA-256 over its salt, its credential, its person and how it came, a line each'),
    is_revoked: flag('It was revoked'),
  })
  .describe('A passkey as the database has it')
  .register(NAMES, { id: 'PasskeyState' });

const linkStateSchema = z
  .object({
    id: text('Id of the link'),
    row_digest: digest('SHA-256 over its salt, its account and its person, a line each'),
    is_removed: flag('It was removed'),
    is_held: flag('The account counts as the person’s by the link in the directory of now'),
  })
  .describe('A link of an account as the database has it')
  .register(NAMES, { id: 'AccountLinkState' });

/** What the database says beside the log; only of the stream that is asked for. */
const streamStateSchema = z
  .object({
    policy: activePolicySchema.nullable().optional(),
    policy_sets: z
      .array(storedPolicySchema)
      .optional()
      .describe('Every stored policy, and whether it is what its digest names'),
    proposals: z.array(z.string()).optional().describe('Digests of all policies that were proposed'),
    switches: z.array(switchStateSchema).optional().describe('Every kill switch that there ever was'),
    sessions: z
      .array(sessionStateSchema)
      .optional()
      .describe('Every session of a browser that expires later than a day ago'),
    keys: z
      .array(keyStateSchema)
      .optional()
      .describe('Every API key that is live, or ended less than 30 days ago'),
    links: z.array(linkStateSchema).optional().describe('Every link of an account that there ever was'),
    passkeys: z.array(passkeyStateSchema).optional().describe('Every passkey that there ever was'),
  })
  .describe('What the database says beside the log, of the stream that is asked for')
  .register(NAMES, { id: 'AuditStreamState' });

export const streamPageSchema = z
  .object({
    items: z.array(z.string()).describe('The exact bytes of each audit entry, oldest first'),
    next_cursor: nextCursor,
    state: streamStateSchema.nullable().describe('With the last page, of the same moment; null before'),
  })
  .describe('A page of audit entries')
  .register(NAMES, { id: 'AuditPage' });

export type GoverningStream = (typeof GOVERNING_STREAMS)[number];
export type StreamPage = z.infer<typeof streamPageSchema>;
export type StreamState = z.infer<typeof streamStateSchema>;
