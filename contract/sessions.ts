import { z } from 'zod';

import { identitySchema } from './lineage.ts';
import { NAMES } from './names.ts';
import { instant, text } from './values.ts';

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
    csrf_token: text('Send it as `X-CSRF-Token` with every call of this session that is not GET or HEAD'),
  })
  .describe('The session of a browser')
  .register(NAMES, { id: 'Session' });

/** The session of a browser. */
export type OwnSession = z.infer<typeof ownSessionSchema>;
