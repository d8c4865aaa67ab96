import { z } from 'zod';

import { NAMES } from './names.ts';
import { flag, instant, text, texts, ZONED } from './values.ts';

export const keyIdSchema = z.string().regex(/^key_[a-z2-7]{26}$/);

const names = z
  .array(
    z
      .string()
      .min(1)
      .max(256)
      .refine((name) => name.isWellFormed(), 'must be readable text'),
  )
  .min(1)
  .max(50)
  .optional();

/** POST /v1/api-keys */
export const createKeyBodySchema = z
  .strictObject({
    agent: z.string().min(1).max(256).describe('Id of the agent in the directory, whose `issuer` is keyturn'),
    title: z
      .string()
      .min(1)
      .max(100)
      .refine(
        (title) =>
          title.isWellFormed() &&
          /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*[^\p{Cc}\p{Cf}\p{Z}\s][^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u.test(title),
        'must be one readable line',
      )
      .describe('What the key is used by, for people'),
    expires_at: z.iso
      .datetime({ offset: true, error: ZONED })
      .max(40)
      .describe(`When the key ends: within 366 days. ${ZONED}`),
    actions: names.describe('Ids of the only actions that it is for. Without it: all that policy allows'),
    targets: names.describe('Ids of the only targets that it is for. Without it: all that policy allows'),
  })
  .describe('An API key to make')
  .register(NAMES, { id: 'CreateApiKeyBody' });

export const apiKeySchema = z
  .object({
    id: text('Id of the key: `key_` and 26 characters'),
    prefix: text('How the key begins, to recognise it by'),
    agent: text('Id of the agent in the directory'),
    title: text('What the key is used by'),
    actions: texts('Ids of the actions that it is for').nullable().describe('Null: all that policy allows'),
    targets: texts('Ids of the targets that it is for').nullable().describe('Null: all that policy allows'),
    created_by: text('Id of the person who made it'),
    is_live: flag('Calls with it are let in: it has not ended, was not revoked, and its agent is there'),
    created_at: instant('When it was made'),
    expires_at: instant('When it ends'),
    used_at: instant('When it was last used, within a minute').nullable(),
    revoked_at: instant('When it was revoked').nullable(),
  })
  .describe('An API key, without the key')
  .register(NAMES, { id: 'ApiKey' });

export const createdKeySchema = apiKeySchema
  .extend({ key: text('The whole key. It is shown once: Keyturn keeps only its SHA-256') })
  .describe('A new API key')
  .register(NAMES, { id: 'CreatedApiKey' });

const keyAgentSchema = z
  .object({
    id: text('Id of the agent in the directory'),
    name: text('Name of the agent in the directory'),
    owner: text('Id of the person who answers for it'),
    is_active: flag('Active in the directory: for others no key is made'),
    may_change: flag('The caller may make and revoke its keys'),
  })
  .describe('An agent without an issuer')
  .register(NAMES, { id: 'ApiKeyAgent' });

export const keyListSchema = z
  .object({
    agents: z.array(keyAgentSchema).describe('All whose keys the caller may see, also those that have none'),
    items: z.array(apiKeySchema).describe('Their keys, the newest first'),
  })
  .describe('The API keys that the caller may see')
  .register(NAMES, { id: 'ApiKeyList' });

export type ApiKeyView = z.infer<typeof apiKeySchema>;
export type CreatedKey = z.infer<typeof createdKeySchema>;
export type KeyAgent = z.infer<typeof keyAgentSchema>;
export type KeyList = z.infer<typeof keyListSchema>;
export type CreateKeyBody = z.input<typeof createKeyBodySchema>;
