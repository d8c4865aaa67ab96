import type { EntityManager } from 'typeorm';

import { columnOf, rows, valueOf } from './rows.ts';
import type { SessionRecord } from './sessions.ts';

/** A link of an account that was begun in a session. */
export interface BegunLink {
  readonly id: string;
  readonly session: string;
  readonly person: string;
  readonly issuer: string;
  readonly begun_at: string;
  readonly expires_at: string;
  /** The account that signed in; null while nobody did. */
  readonly subject: string | null;
  /** What the provider calls it, in words of its own. */
  readonly shown_as: string | null;
}

/** Begins a link, for ten minutes. */
export async function storeBegunLink(
  manager: EntityManager,
  begun: Pick<BegunLink, 'id' | 'session' | 'person' | 'issuer'>,
): Promise<BegunLink> {
  const stored = await valueOf<BegunLink>(manager, 'select keyturn.begin_account_link($1)', [begun]);
  if (!stored) throw new Error('The database does not say which link it stored.');
  return stored;
}

/** The link of this id that was begun in this session and is not over; null for none. */
export async function openBegunLink(
  manager: EntityManager,
  { id, session }: Pick<BegunLink, 'id' | 'session'>,
): Promise<BegunLink | null> {
  const text = `select to_jsonb(begun) - 'used_at' from keyturn.begun_account_link begun
    where id = $1 and session = $2 and used_at is null and expires_at > clock_timestamp()`;
  return valueOf(manager, text, [id, session]);
}

/** Who signed in as the other account. */
export interface LinkAnswer extends Pick<BegunLink, 'id' | 'session' | 'issuer' | 'shown_as'> {
  readonly subject: string;
  readonly authenticated_at: string;
}

/** Stores who signed in. False where the link is of another session, was answered before, or is over. */
export async function answerLink(manager: EntityManager, answer: LinkAnswer): Promise<boolean> {
  return (await valueOf<boolean>(manager, 'select keyturn.answer_account_link($1)', [answer])) === true;
}

/** Why the account cannot be linked to the person, by the code of the refusal; null where it can. */
export async function linkRefusal(
  manager: EntityManager,
  { issuer, subject, person }: { readonly issuer: string; readonly subject: string; readonly person: string },
): Promise<string | null> {
  return valueOf(manager, 'select keyturn.link_refusal($1, $2, $3)', [issuer, subject, person]);
}

/** A link of an account, as it stands. */
export interface AccountLink {
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  readonly person: string;
  /** The session in which the person made it. */
  readonly session: string;
  readonly linked_at: string;
  readonly unlinked_at: string | null;
  readonly unlinked_by: string | null;
}

/** Makes a link that was begun in this session, with its entry. */
export async function storeAccountLink(
  manager: EntityManager,
  confirmed: Pick<BegunLink, 'id' | 'session'> & { readonly salt: string },
  { leaf, subjects }: SessionRecord,
): Promise<AccountLink> {
  const text = 'select keyturn.link_account($1, $2, $3)';
  const stored = await valueOf<AccountLink>(manager, text, [confirmed, leaf, subjects]);
  if (!stored) throw new Error('The database does not say which link it stored.');
  return stored;
}

/** Removes a link, with its entry. False when it was removed before. */
export async function storeLinkEnd(
  manager: EntityManager,
  { id, by }: { readonly id: string; readonly by: string },
  { leaf, subjects }: SessionRecord,
): Promise<boolean> {
  const text = 'select keyturn.unlink_account($1, $2, $3)';
  return (await valueOf<boolean>(manager, text, [{ id, by }, leaf, subjects])) === true;
}

const LINK = `to_jsonb(link) - 'salt'`;

/** All links of a person, the newest first, also those that were removed. */
export async function linksOf(manager: EntityManager, person: string): Promise<readonly AccountLink[]> {
  const text = `select ${LINK} from keyturn.account_link link where person = $1 order by linked_at desc, id`;
  return columnOf(manager, text, [person]);
}

/** The link of this id; null for none. */
export async function readLink(manager: EntityManager, id: string): Promise<AccountLink | null> {
  return valueOf(manager, `select ${LINK} from keyturn.account_link link where id = $1`, [id]);
}

/** An account of a person, and who says so since when. */
export interface HeldAccount {
  readonly issuer: string;
  readonly subject: string;
  readonly authority: string;
  readonly since: string;
}

/** The accounts that are a person's now, by each authority that says so. One that always was is no instant of its own. */
export async function accountsHeldBy(
  manager: EntityManager,
  person: string,
): Promise<readonly HeldAccount[]> {
  return rows(
    manager,
    `select issuer, subject, authority, greatest(valid_from, to_timestamp(0)) as since from keyturn.account
     where person = $1 and valid_to is null order by issuer, subject, authority`,
    [person],
  );
}
