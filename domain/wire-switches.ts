import { z } from 'zod';

import { SWITCH_SCOPE_KINDS } from './kill-switch.ts';

/** The bodies and answers of the HTTP interface about kill switches (see wire.ts). */

const instant = z.iso.datetime({ precision: 3 }).describe('RFC 3339, UTC, milliseconds');

const switchScopeSchema = z
  .strictObject({
    kind: z.enum(SWITCH_SCOPE_KINDS),
    value: z
      .string()
      .min(1)
      .max(2600)
      .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'no control characters')
      .nullable()
      .default(null)
      .describe('The action, the target, or the agent: its id, or `ISSUER SUBJECT`; null for all'),
  })
  .refine(({ kind, value }) => (kind === 'all') === (value === null), {
    error: 'all has no value, everything else has one',
    path: ['value'],
  });

/** Operators write why; it is kept with the switch and in the audit log. */
const switchReason = z
  .string()
  .trim()
  .min(1)
  .max(4000)
  .refine((text) => text.isWellFormed() && !text.includes('\0'), 'readable text');

/** The id of a kill switch. */
export const switchIdSchema = z.string().regex(/^swi_[a-z2-7]{26}$/);

/** POST /v1/switches */
export const throwBodySchema = z.strictObject({ scope: switchScopeSchema, reason: switchReason });

/** POST /v1/switches/:id/lift */
export const liftBodySchema = z.strictObject({ reason: switchReason });

/** A kill switch. Why and by whom is there for people of the directory only. */
export const switchSchema = z.object({
  id: z.string(),
  scope: z.object({ kind: z.enum(SWITCH_SCOPE_KINDS), value: z.string().nullable() }),
  since: instant,
  reason: z.string().optional(),
  thrown_by: z.string().optional().describe('The person, by id'),
  agreed_to_lift: z.array(z.object({ person: z.string(), at: instant })).optional(),
});

export const switchListSchema = z.object({ items: z.array(switchSchema) });

/** What became of a word to lift: it lifts, or the word of somebody else is needed. */
export const liftAnswerSchema = z.object({
  switch: switchSchema,
  state: z.enum(['lifted', 'one more person needed']),
});

export type ThrowBody = z.input<typeof throwBodySchema>;
export type SwitchView = z.infer<typeof switchSchema>;
export type SwitchList = z.infer<typeof switchListSchema>;
export type LiftAnswer = z.infer<typeof liftAnswerSchema>;
