import { randomBytes } from 'node:crypto';

import {
  lockPasskeyLog,
  storeAgreement,
  storeLink,
  storePasskey,
  storePasskeyEnd,
  type OpenLink,
  type StoredPasskey,
} from '../../../database/passkeys.ts';
import {
  driverCode,
  HAD_PASSKEY,
  KEYS_FULL,
  NO_SUCH_LINK,
  NOT_CHANGEABLE,
  SIGN_IN_AGAIN,
} from '../../../database/refusals.ts';
import type { SessionRecord } from '../../../database/sessions.ts';
import { lastLeafOf } from '../../../domain/audit/leaf.ts';
import { sha256 } from '../../../domain/crypto/digest.ts';
import { KeyturnError, type ErrorCode } from '../../../domain/errors.ts';
import { base32, personPseudonym } from '../../../domain/identity/ids.ts';
import { reviewerOf, type Caller } from '../auth/caller.ts';
import { digestOfSecret, newSecret } from '../auth/session-cookie.ts';
import type { ApiContext } from '../context.ts';
import { notBefore, recordOf, type RecordedEvent } from '../entries.ts';
import type { MadePasskey } from './new-passkey.ts';
import { STALE } from '../auth/session-of.ts';

type LogContext = Pick<ApiContext, 'source' | 'keys'>;

/** How long a link is open. */
const LINK_MS = 24 * 3_600_000;

/** A passkey that a person registers in this session. */
export interface PasskeyTerms {
  readonly session: string;
  readonly made: MadePasskey;
  readonly transports: readonly string[];
  /** The passkey that confirmed it, which the person had already. */
  readonly confirmedBy: StoredPasskey | null;
  readonly link: { readonly open: OpenLink; readonly digest: string } | null;
}

/** Registers a passkey of the person who calls, with its entry. */
export async function registerPasskey(
  context: LogContext,
  caller: Caller,
  { session, made, transports, confirmedBy, link }: PasskeyTerms,
): Promise<StoredPasskey> {
  const { id: person } = reviewerOf(caller);
  const id = `psk_${base32(randomBytes(16))}`;
  const salt = randomBytes(16).toString('hex');
  const how = link?.open.kind ?? howBy(confirmedBy);
  const facts = {
    passkey: id,
    session,
    how,
    link: link?.open.id ?? null,
    confirmed_by: confirmedBy?.id ?? null,
    credential: made.credential,
    public_key: made.publicKey,
    rp_id: made.rpId,
    origin: made.origin,
    row_digest: sha256([salt, made.credential, person, how].join('\n')),
  };
  const { counter, isSynced: is_synced } = made;
  const created = { id, person, salt, counter, is_synced, transports, link: link?.digest ?? null };
  return inLog(context, caller, {
    events: [{ type: 'passkey.registered', facts, parts: {} }],
    store: (manager, record) => storePasskey(manager, created, record),
  });
}

/** What a passkey of a recovery confirms counts no earlier than it does itself. */
function howBy(confirmedBy: StoredPasskey | null): StoredPasskey['how'] {
  return confirmedBy?.how === 'recovery' ? 'recovery' : 'self';
}

/** Revokes a passkey of the person who calls, with its entry. Does nothing to one that was revoked before. */
export async function revokePasskey(context: LogContext, caller: Caller, id: string): Promise<void> {
  const { id: by } = reviewerOf(caller);
  await inLog(context, caller, {
    events: [{ type: 'passkey.revoked', facts: { passkey: id }, parts: {} }],
    store: (manager, record) => storePasskeyEnd(manager, { id, by }, record),
  });
}

/** Whom a link is for, and in which session an operator makes it. */
export interface LinkTerms extends Pick<OpenLink, 'kind' | 'person'> {
  readonly session: string;
}

/** A link with its secret, which is shown once; null where a second operator has to agree first. */
export interface SecretLink {
  readonly link: OpenLink;
  readonly secret: string | null;
}

/** Makes a link, with its entry, by the operator who calls. */
export async function makeLink(
  context: LogContext,
  caller: Caller,
  { kind, person, session }: LinkTerms,
): Promise<SecretLink> {
  const secret = kind === 'enrolment' ? newSecret() : null;
  const id = `pkl_${base32(randomBytes(16))}`;
  const made = { id, person, made_by: reviewerOf(caller).id, digest: secret && digestOfSecret(secret) };
  const link = await inLog(context, caller, {
    events: [
      { type: 'passkey.link_made', facts: { link: id, kind, session, expires_at: linkEnd() }, parts: {} },
    ],
    of: person,
    store: (manager, record) => storeLink(manager, made, record),
  });
  return { link, secret };
}

/** Agrees to a recovery, with its entry, by the operator who calls. `revoked` are the passkeys that the person has. */
export async function agreeToRecovery(
  context: LogContext,
  caller: Caller,
  { link: { id, person }, session, revoked }: { link: OpenLink; session: string; revoked: readonly string[] },
): Promise<SecretLink> {
  const secret = newSecret();
  const agreed = { id, agreed_by: reviewerOf(caller).id, digest: digestOfSecret(secret) };
  const facts = { link: id, session, revoked: [...revoked].toSorted(), expires_at: linkEnd() };
  const link = await inLog(context, caller, {
    events: [{ type: 'passkey.recovery_agreed', facts, parts: {} }],
    of: person,
    store: (manager, record) => storeAgreement(manager, agreed, record),
  });
  return { link, secret };
}

function linkEnd(): string {
  return new Date(Date.now() + LINK_MS).toISOString();
}

interface Writing<Stored> {
  readonly events: readonly [RecordedEvent];
  /** Whom it is about, where that is somebody else. */
  readonly of?: string;
  readonly store: (manager: Parameters<typeof storePasskey>[0], record: SessionRecord) => Promise<Stored>;
}

async function inLog<Stored>(
  { source, keys: { identity: identityKey } }: LogContext,
  caller: Caller,
  { events: [event], of, store }: Writing<Stored>,
): Promise<Stored> {
  const { identity, channel } = caller.principal;
  const by = { person: reviewerOf(caller).id, identity, channel, policyDigest: caller.policy.digest };
  const named = of === undefined ? null : personPseudonym(identityKey, of);
  const facts = named === null ? event.facts : { ...event.facts, of: named };
  return source
    .transaction(async (manager) => {
      const last = await lockPasskeyLog(manager);
      const at = notBefore(lastLeafOf(last).at);
      const recording = { identityKey, stream: 'passkeys', by, at, last };
      const { entries, subjects } = recordOf(recording, [{ ...event, facts }]);
      const meant = named === null ? {} : { [named]: { person: of ?? '' } };
      return store(manager, { leaf: entries[0]?.leaf ?? '', subjects: { ...subjects, ...meant } });
    })
    .catch(refusalOf);
}

const REFUSALS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  [SIGN_IN_AGAIN]: ['sign_in_again', STALE],
  [KEYS_FULL]: ['too_many_keys', 'You have ten passkeys: revoke one that you do not use.'],
  [NO_SUCH_LINK]: [
    'not_found',
    'There is no such link: it was used, replaced, or is over. Ask an operator for a new one.',
  ],
  [NOT_CHANGEABLE]: [
    'passkey_invalid',
    'This passkey is registered already. Begin again with another authenticator.',
  ],
  [HAD_PASSKEY]: [
    'passkey_needed',
    'Who has had a passkey confirms a further one with it. Where it is lost, two operators make a recovery.',
  ],
};

function refusalOf(error: unknown): never {
  const [code, message] = REFUSALS[driverCode(error) ?? ''] ?? [];
  if (code !== undefined) throw new KeyturnError(code, message ?? '');
  throw error;
}
