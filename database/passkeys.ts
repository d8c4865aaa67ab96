import type { EntityManager } from 'typeorm';

import type { PasskeyJwk } from '../domain/proof/passkey.ts';
import { columnOf, rows, valueOf } from './rows.ts';
import type { SessionRecord } from './sessions.ts';

/** A passkey of a person, as it stands. */
export interface StoredPasskey {
  readonly id: string;
  /** Id of the credential, base64url. */
  readonly credential: string;
  readonly public_key: PasskeyJwk;
  readonly rp_id: string;
  readonly origin: string;
  readonly person: string;
  readonly how: 'self' | 'enrolment' | 'recovery';
  readonly transports: readonly string[];
  readonly is_synced: boolean;
  readonly made_at: string;
  readonly used_at: string | null;
  readonly revoked_at: string | null;
}

/** A link by which somebody registers a passkey, while it is open. */
export interface OpenLink {
  readonly id: string;
  readonly kind: 'enrolment' | 'recovery';
  readonly person: string;
  readonly made_by: string;
  /** Null while a recovery waits for its second operator. */
  readonly agreed_by: string | null;
  readonly made_at: string;
  readonly expires_at: string;
}

const PASSKEY = `to_jsonb(passkey) - '{counter,salt,entry}'::text[]`;

/** All passkeys of a person, the newest first, also those that were revoked. */
export async function passkeysOf(manager: EntityManager, person: string): Promise<readonly StoredPasskey[]> {
  const text = `select ${PASSKEY} from keyturn.passkey where person = $1 order by made_at desc, id`;
  return columnOf(manager, text, [person]);
}

/**
 * Those passkeys of these credentials. Until the transaction ends none is revoked, so that what is found still holds when
 * it is acted upon.
 */
export async function heldPasskeys(
  manager: EntityManager,
  credentials: readonly string[],
): Promise<readonly StoredPasskey[]> {
  if (credentials.length === 0) return [];
  await rows(manager, `select pg_advisory_xact_lock_shared(hashtext('keyturn.passkeys'))`);
  return columnOf(manager, `select ${PASSKEY} from keyturn.passkey where credential = any($1)`, [
    credentials,
  ]);
}

/** The open links, the newest first. */
export async function openLinks(manager: EntityManager): Promise<readonly OpenLink[]> {
  return columnOf(
    manager,
    `select to_jsonb(link) - 'digest' from keyturn.open_passkey_link link order by made_at desc, id`,
  );
}

/** The open link of a person whose secret has this digest; null for none. */
export async function openLinkOf(
  manager: EntityManager,
  { person, digest }: { readonly person: string; readonly digest: string },
): Promise<OpenLink | null> {
  const text = `select to_jsonb(link) - 'digest' from keyturn.open_passkey_link link
    where link.person = $1 and link.digest = $2`;
  return valueOf(manager, text, [person, digest]);
}

/** The last entry of the log of passkeys, or null. Until the transaction ends nobody else writes one. */
export async function lockPasskeyLog(manager: EntityManager): Promise<string | null> {
  return valueOf(manager, 'select keyturn.lock_passkeys()');
}

/** A passkey that is registered, beside what its entry says of it. */
export interface NewPasskey {
  readonly id: string;
  readonly person: string;
  readonly salt: string;
  readonly counter: number;
  readonly is_synced: boolean;
  readonly transports: readonly string[];
  /** SHA-256 of the secret of the link that it came by. */
  readonly link: string | null;
}

/** Registers a passkey with its entry. */
export async function storePasskey(
  manager: EntityManager,
  created: NewPasskey,
  { leaf, subjects }: SessionRecord,
): Promise<StoredPasskey> {
  return stored(
    await valueOf(manager, 'select keyturn.register_passkey($1, $2, $3)', [created, leaf, subjects]),
  );
}

/** Revokes a passkey of this person with its entry. False when it was revoked before. */
export async function storePasskeyEnd(
  manager: EntityManager,
  { id, by }: { readonly id: string; readonly by: string },
  { leaf, subjects }: SessionRecord,
): Promise<boolean> {
  const text = 'select keyturn.revoke_passkey($1, $2, $3, $4)';
  return (await valueOf<boolean>(manager, text, [id, by, leaf, subjects])) === true;
}

/** A link that an operator makes. `digest` is null where a second operator has to agree first. */
export interface NewLink extends Pick<OpenLink, 'id' | 'person' | 'made_by'> {
  readonly digest: string | null;
}

/** Makes a link with its entry. */
export async function storeLink(
  manager: EntityManager,
  made: NewLink,
  { leaf, subjects }: SessionRecord,
): Promise<OpenLink> {
  return stored(
    await valueOf(manager, 'select keyturn.make_passkey_link($1, $2, $3)', [made, leaf, subjects]),
  );
}

/** Agrees to a recovery with its entry. */
export async function storeAgreement(
  manager: EntityManager,
  agreed: Pick<OpenLink, 'id' | 'agreed_by'> & { readonly digest: string },
  { leaf, subjects }: SessionRecord,
): Promise<OpenLink> {
  return stored(
    await valueOf(manager, 'select keyturn.agree_to_recovery($1, $2, $3)', [agreed, leaf, subjects]),
  );
}

/** Notes that a passkey was used. False where it is revoked or its counter does not grow. */
export async function usePasskey(
  manager: EntityManager,
  { id, counter }: { readonly id: string; readonly counter: number },
): Promise<boolean> {
  const [used] = await rows<{ used: boolean }>(manager, 'select keyturn.use_passkey($1, $2) as used', [
    id,
    counter,
  ]);
  return used?.used === true;
}

function stored<Row>(row: Row | null): Row {
  if (row === null) throw new Error('The database does not say what it stored.');
  return row;
}
