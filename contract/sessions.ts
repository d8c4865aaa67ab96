import { z } from 'zod';

import { identitySchema } from './lineage.ts';
import { NAMES } from './names.ts';
import { count, flag, instant, text } from './values.ts';

export const sessionIdSchema = z.string().regex(/^ses_[a-z2-7]{26}$/);

/** GET /v1/session: the session that the cookie is of. */
export const ownSessionSchema = z
  .object({
    id: text('Id of the session: `ses_` and 26 characters'),
    person: text('Id of the person in the directory'),
    name: text('Name of the person in the directory'),
    identity: identitySchema.describe('The account that signed in'),
    began_at: instant('When the person signed in'),
    expires_at: instant('When the session ends at the latest'),
    idle_at: instant('When it ends unless it is used before'),
    demo_request_address: text(
      'Where a form that is posted makes a request to look at. Null outside the demo of `npm start`',
    ).nullable(),
    csrf_token: text('Send it as `X-CSRF-Token` with every call of this session that is not GET or HEAD'),
  })
  .describe('The session of a browser')
  .register(NAMES, { id: 'Session' });

/** The session of a browser. */
export type OwnSession = z.infer<typeof ownSessionSchema>;

/** GET /v1/sessions */
export const sessionsQuerySchema = z.strictObject({
  person: z
    .string()
    .max(256)
    .regex(/^\P{Cc}+$/u, 'must have no control characters')
    .optional()
    .describe('Id of a person in the directory (operators). Without it: who calls'),
});

const listedSessionSchema = ownSessionSchema
  .omit({ csrf_token: true, name: true, demo_request_address: true })
  .extend({
    seen_at: instant('When it was last used, within a minute'),
    is_current: flag('This call comes with its cookie'),
  })
  .describe('A session of a person')
  .register(NAMES, { id: 'ListedSession' });

export const sessionListSchema = z
  .object({ items: z.array(listedSessionSchema).describe('The newest first') })
  .describe('The sessions of a person')
  .register(NAMES, { id: 'SessionList' });

/** POST /v1/sessions/end-all */
export const endAllBodySchema = z
  .strictObject({
    person: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe('Id of a person in the directory (operators). Without it: who calls'),
  })
  .describe('Whose sessions are ended')
  .register(NAMES, { id: 'EndSessionsBody' });

export const endedSchema = z
  .object({ ended: count('Sessions that this call ended: 0 where all were over already') })
  .describe('How many sessions were ended')
  .register(NAMES, { id: 'EndedSessions' });

export type SessionList = z.infer<typeof sessionListSchema>;
export type Ended = z.infer<typeof endedSchema>;
