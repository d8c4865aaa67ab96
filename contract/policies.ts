import { z } from 'zod';

import { NAMES } from './names.ts';
import { jsonValueSchema } from '../domain/crypto/json.ts';
import { digest, flag } from './values.ts';

/** The bodies and answers of the HTTP interface about policies (see requests.ts). */

/** A larger policy is not taken: nobody could review it. Bytes of the whole body, and of what it compiles to. */
export const POLICY_BYTES_MAX = 1024 * 1024;

/** `sha256:` and 64 hex digits. */
export const digestSchema = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'must be `sha256:` and 64 digits, 0 to 9 and a to f');

/** POST /v1/policies */
export const proposeBodySchema = z
  .strictObject({
    files: z
      .record(z.string(), z.string(), {
        error: 'send the YAML files of the policy as they are, by path: Keyturn compiles them',
      })
      .describe('The YAML files of the policy folder by path, such as `rules/sql.yaml`; without its tests'),
    environment: z
      .record(z.string(), z.string())
      .default({})
      .describe('The variables that `issuers` of `directory.yaml` read, with their values'),
  })
  .describe('A policy to propose, 1 MiB at most')
  .register(NAMES, { id: 'ProposePolicyBody' });

/** A candidate is kept. `active` is what it would replace: the base of the request that asks to publish it. */
export const proposalSchema = z
  .object({
    digest: digest('Digest of the proposed policy'),
    active: digest('The policy that is active now: what the proposed one would replace'),
    is_new: flag('False when the same policy was proposed before: its first proposer stays'),
  })
  .describe('A proposed policy. A request for `keyturn.policy.publish` names both digests')
  .register(NAMES, { id: 'Proposal' });

/** GET /v1/policies/:digest */
export const policyAnswerSchema = z
  .object({
    digest: digest('Digest of the policy'),
    is_active: flag('It is in force now'),
    policy: z.record(z.string(), jsonValueSchema).describe('The compiled policy, as its digest is over it'),
  })
  .describe('A policy that was proposed or installed')
  .register(NAMES, { id: 'Policy' });

export type Proposal = z.infer<typeof proposalSchema>;
export type ProposeBody = z.input<typeof proposeBodySchema>;
export type PolicyAnswer = z.infer<typeof policyAnswerSchema>;
