import { z } from 'zod';

import { policySetSchema } from './policy-schema.ts';
import { jsonValueSchema } from './wire-json.ts';

/** The bodies and answers of the HTTP interface about policies (see wire.ts). */

/** A larger policy is not taken: nobody could review it. Bytes of the whole body. */
export const POLICY_BYTES_MAX = 1024 * 1024;

/** `sha256:` and 64 hex digits. */
export const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** POST /v1/policies */
export const proposeBodySchema = z.strictObject({ policy: policySetSchema });

/** A candidate is kept. `active` is what it would replace: the base of the request that asks to publish it. */
export const proposalSchema = z.object({
  digest: z.string(),
  active: z.string(),
  is_new: z.boolean().describe('False when the same policy was proposed before: its first proposer stays'),
});

/** GET /v1/policies/:digest */
export const policyAnswerSchema = z.object({
  digest: z.string(),
  is_active: z.boolean(),
  policy: z.record(z.string(), jsonValueSchema).describe('The compiled policy, as its digest is over it'),
});

export type Proposal = z.infer<typeof proposalSchema>;
export type PolicyAnswer = z.infer<typeof policyAnswerSchema>;
