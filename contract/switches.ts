import { z } from 'zod';

import { SWITCH_SCOPE_KINDS } from '../domain/execution/kill-switch.ts';
import { NAMES } from './names.ts';
import { instant, text } from './values.ts';

/** The bodies and answers of the HTTP interface about kill switches (see requests.ts). */

const switchScopeSchema = z
  .strictObject({
    kind: z.enum(SWITCH_SCOPE_KINDS).describe('What it stops').register(NAMES, { id: 'SwitchKind' }),
    value: z
      .string()
      .min(1)
      .max(2600)
      .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'must have no control characters')
      .nullable()
      .default(null)
      .describe('The action, the target, or the agent: its id, or `ISSUER SUBJECT`; null for all'),
  })
  .refine(({ kind, value }) => (kind === 'all') === (value === null), {
    error: 'must be null for the kind `all`, and say what to stop for every other kind',
    path: ['value'],
  })
  .describe('What the kill switch is to stop')
  .register(NAMES, { id: 'SwitchScopeBody' });

/** Operators write why; it is kept with the switch and in the audit log. */
const switchReason = z
  .string()
  .trim()
  .min(1)
  .max(4000)
  .refine((text) => text.isWellFormed() && !text.includes('\0'), 'must be readable text')
  .describe('Why, for people and the audit log. 1 to 4,000 characters');

/** The id of a kill switch. */
export const switchIdSchema = z
  .string()
  .regex(/^swi_[a-z2-7]{26}$/, 'must be `swi_` and 26 characters')
  .describe('Id of a kill switch: `swi_` and 26 characters');

/** POST /v1/switches */
export const throwBodySchema = z
  .strictObject({ scope: switchScopeSchema, reason: switchReason })
  .describe('A kill switch to engage')
  .register(NAMES, { id: 'ThrowSwitchBody' });

/** POST /v1/switches/:id/lift */
export const liftBodySchema = z
  .strictObject({ reason: switchReason })
  .describe('Agreement that a kill switch is released')
  .register(NAMES, { id: 'LiftSwitchBody' });

/** GET /v1/switches */
export const switchesQuerySchema = z.strictObject({
  state: z
    .enum(['engaged', 'lifted'])
    .optional()
    .describe('`lifted`: the last 100 that were released, newest first. Without it: those that are engaged'),
});

const scopeSchema = z
  .object({
    kind: z.enum(SWITCH_SCOPE_KINDS).describe('What it stops'),
    value: z.string().nullable().describe('Which action, target or agent; null for all'),
  })
  .describe('What a kill switch stops')
  .register(NAMES, { id: 'KillSwitchScope' });

const agreementSchema = z
  .object({ person: text('Id of the person'), name: text('Name of the person'), at: instant('When') })
  .describe('The agreement of one person')
  .register(NAMES, { id: 'ReleaseAgreement' });

/** A kill switch. Why and by whom is there for people of the directory only. */
export const switchSchema = z
  .object({
    id: text('Id of the kill switch: `swi_` and 26 characters'),
    scope: scopeSchema,
    since: instant('When it was engaged'),
    reason: z.string().optional().describe('Why. Only for people of the directory'),
    thrown_by: text('Id of the person who engaged it. Only for people of the directory').optional(),
    engaged_by_name: text('Name of that person. Only for people of the directory').optional(),
    agreed_to_lift: z
      .array(agreementSchema)
      .optional()
      .describe('Who has agreed to its release. Only for people of the directory'),
    lifted_at: instant('When it was released. Absent while it is engaged').optional(),
  })
  .describe('A kill switch')
  .register(NAMES, { id: 'KillSwitch' });

export const switchListSchema = z
  .object({
    items: z.array(switchSchema).describe('Engaged ones, the oldest first; or those that were released'),
  })
  .describe('Kill switches')
  .register(NAMES, { id: 'KillSwitches' });

/** The result of agreeing to release a switch: it is released, or somebody else has to agree. */
export const liftAnswerSchema = z
  .object({
    switch: switchSchema,
    state: z.enum(['lifted', 'one more person needed']).describe('lifted: it is released'),
  })
  .describe('What an agreement came to')
  .register(NAMES, { id: 'LiftAnswer' });

export type ThrowBody = z.input<typeof throwBodySchema>;
export type SwitchView = z.infer<typeof switchSchema>;
export type SwitchList = z.infer<typeof switchListSchema>;
export type LiftAnswer = z.infer<typeof liftAnswerSchema>;
