import { z } from 'zod';

import { NAMES } from './names.ts';
import { flag, instant, text, texts } from './values.ts';

const base64url = z
  .string()
  .min(1)
  .max(8_192)
  .regex(/^[A-Za-z0-9_-]+$/, 'must be base64url');

const linkSecret = base64url
  .max(100)
  .optional()
  .describe('The secret of a link that operators made, where the registration needs one');

/** POST /v1/passkeys/registrations */
export const beginPasskeyBodySchema = z
  .strictObject({ link: linkSecret })
  .describe('A registration to begin')
  .register(NAMES, { id: 'BeginPasskeyBody' });

export const knownCredentialSchema = z
  .object({
    credential: text('Id of the credential, base64url'),
    transports: texts('How the browser reaches the authenticator, as it said itself'),
  })
  .describe('A passkey as browsers know it')
  .register(NAMES, { id: 'KnownCredential' });

export const registrationSchema = z
  .object({
    challenge: text('What the authenticator signs, base64url. Good for ten minutes, in this session'),
    rp_id: text('The site that the passkey is for'),
    user: z
      .object({ id: text('base64url'), name: text('Id of the person'), display_name: text('Their name') })
      .describe('Whose passkey it becomes')
      .register(NAMES, { id: 'PasskeyUser' }),
    known: z
      .array(knownCredentialSchema)
      .describe('The passkeys that there are already: the authenticators that have them make no second one'),
    must_confirm: flag('One of them has to sign the challenge as well: send that as `confirmation`'),
  })
  .describe('What the browser makes a passkey with')
  .register(NAMES, { id: 'PasskeyRegistration' });

/** An assertion as callers send it. */
export const sentAssertionSchema = z
  .strictObject({
    credential: base64url.max(1_400).describe('Id of the credential, base64url'),
    authenticator_data: base64url.describe('`authenticatorData` of the answer, base64url'),
    client_data: base64url.describe('`clientDataJSON` of the answer, base64url'),
    signature: base64url.describe('`signature` of the answer, base64url'),
  })
  .describe('What an authenticator signed (Web Authentication, `navigator.credentials.get`)')
  .register(NAMES, { id: 'PasskeyAssertion' });

/** POST /v1/passkeys */
export const createPasskeyBodySchema = z
  .strictObject({
    link: linkSecret,
    challenge: base64url.max(200).describe('That of the registration that was begun'),
    credential: base64url.max(1_400).describe('Id of the new credential'),
    client_data: base64url.describe('`clientDataJSON` of the answer, base64url'),
    attestation: base64url.describe('`attestationObject` of the answer, base64url'),
    transports: z
      .array(z.string().regex(/^[a-z-]{1,32}$/))
      .max(10)
      .optional()
      .describe('What `getTransports()` of the answer says'),
    confirmation: sentAssertionSchema
      .optional()
      .describe('By a passkey that there is already, over the same challenge'),
  })
  .describe('A passkey to register')
  .register(NAMES, { id: 'CreatePasskeyBody' });

export const passkeySchema = z
  .object({
    id: text('Id of the passkey: `psk_` and 26 characters'),
    person: text('Id of the person whose it is'),
    how: z
      .enum(['self', 'enrolment', 'recovery'])
      .describe('Who let it in: the person, an operator’s link, or the link of a recovery'),
    is_synced: flag('It may be on several devices of the person'),
    made_at: instant('When it was registered'),
    counts_from: instant('It counts for what is asked for later than that').nullable(),
    used_at: instant('When it was last used').nullable(),
    revoked_at: instant('When it was revoked').nullable(),
  })
  .describe('A passkey of a person')
  .register(NAMES, { id: 'Passkey' });

/** GET /v1/passkeys */
export const passkeysQuerySchema = z.strictObject({
  person: z
    .string()
    .max(256)
    .regex(/^\P{Cc}+$/u, 'must have no control characters')
    .optional()
    .describe('Id of a person in the directory (operators). Without it: who calls'),
});

export const passkeyListSchema = z
  .object({ items: z.array(passkeySchema).describe('The newest first, also those that were revoked') })
  .describe('The passkeys of a person')
  .register(NAMES, { id: 'PasskeyList' });

/** POST /v1/passkey-links */
export const passkeyLinkBodySchema = z
  .strictObject({
    person: z.string().min(1).max(256).describe('Id of the person in the directory who is to register one'),
    kind: z
      .enum(['enrolment', 'recovery'])
      .describe(
        'enrolment: for somebody who never had a passkey. recovery: revokes all that the person has; it takes a second operator',
      ),
  })
  .describe('A link to make')
  .register(NAMES, { id: 'PasskeyLinkBody' });

export const passkeyLinkSchema = z
  .object({
    id: text('Id of the link: `pkl_` and 26 characters'),
    kind: z.enum(['enrolment', 'recovery']).describe('What it is for'),
    person: text('Id of the person whom it is for'),
    made_by: text('Id of the operator who made it'),
    agreed_by: text('Id of the second operator. Null: a recovery waits for one').nullable(),
    made_at: instant('When it was made'),
    expires_at: instant('When it is over'),
  })
  .describe('A link by which somebody registers a passkey')
  .register(NAMES, { id: 'PasskeyLink' });

export const openedLinkSchema = passkeyLinkSchema
  .extend({
    address: text(
      'Where the person opens it, in a session of their own. It is shown once. Null: a recovery waits for its second operator',
    ).nullable(),
  })
  .describe('A link that was just made or agreed to')
  .register(NAMES, { id: 'OpenedPasskeyLink' });

export const passkeyLinkListSchema = z
  .object({ items: z.array(passkeyLinkSchema).describe('Those that are open, the newest first') })
  .describe('Links by which people register passkeys')
  .register(NAMES, { id: 'PasskeyLinkList' });

export type Registration = z.infer<typeof registrationSchema>;
export type CreatePasskeyBody = z.infer<typeof createPasskeyBodySchema>;
export type PasskeyView = z.infer<typeof passkeySchema>;
export type PasskeyList = z.infer<typeof passkeyListSchema>;
export type PasskeyLinkView = z.infer<typeof passkeyLinkSchema>;
export type OpenedLink = z.infer<typeof openedLinkSchema>;
export type PasskeyLinkList = z.infer<typeof passkeyLinkListSchema>;
