import type { EntityManager } from 'typeorm';

import { queryPrepared } from './prepared.ts';
import { columnOf, rows, valueOf } from './rows.ts';

/** A session that is neither over nor idle, of a person who has been active ever since it began. */
export interface LiveSession {
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  readonly client: string;
  readonly person: string;
  readonly began_at: string;
  readonly seen_at: string;
  readonly expires_at: string;
  /** When it ends unless it is used before. */
  readonly idle_at: string;
}

const USE = { name: 'use-session', text: 'select keyturn.use_session($1) as session' };

/** The live session whose cookie has this digest, which is used by that; null for none. */
export async function useSession(manager: EntityManager, digest: string): Promise<LiveSession | null> {
  const [found] = await queryPrepared<{ session: LiveSession | null }>(manager, USE, [digest]);
  return found?.session ?? null;
}

const READ = {
  name: 'live-session',
  text: 'select to_jsonb(live) as session from keyturn.live_session live where id = $1',
};

/** The same by its id, without using it: what waits is no sign of a person. */
export async function readLiveSession(manager: EntityManager, id: string): Promise<LiveSession | null> {
  const [found] = await queryPrepared<{ session: LiveSession }>(manager, READ, [id]);
  return found?.session ?? null;
}

/** True where this person proved to the identity provider within ten minutes who they are, and the session is live. */
export async function isFreshSession(
  manager: EntityManager,
  { id, person }: Pick<LiveSession, 'id' | 'person'>,
): Promise<boolean> {
  return (await valueOf<boolean>(manager, 'select keyturn.is_fresh_session($1, $2)', [id, person])) === true;
}

/** The last entry of the log of sessions, or null. Until the transaction ends nobody else starts or ends one. */
export async function lockSessionLog(manager: EntityManager): Promise<string | null> {
  return valueOf(manager, 'select keyturn.lock_sessions()');
}

/** A session that starts. Of what the cookie holds, and of the state of the sign-in, the SHA-256. */
export interface StartedSession extends Pick<LiveSession, 'id' | 'issuer' | 'subject' | 'client' | 'person'> {
  readonly digest: string;
  readonly state: string;
  /** When the person proved to the provider who they are; null where nobody says. */
  readonly authenticated_at: string | null;
  readonly provider_subject: string;
  readonly provider_session: string | null;
}

/** What is recorded with a session: its entry, and the names behind its pseudonyms. */
export interface SessionRecord {
  readonly leaf: string;
  readonly subjects: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Starts a session with its entry. */
export async function storeStart(
  manager: EntityManager,
  started: StartedSession,
  { leaf, subjects }: SessionRecord,
): Promise<void> {
  await rows(manager, 'select keyturn.start_session($1, $2, $3)', [started, leaf, subjects]);
}

/** Ends a session with its entry; `by` is null where the provider did. False when it was over already. */
export async function storeEnd(
  manager: EntityManager,
  { id, by }: { readonly id: string; readonly by: string | null },
  { leaf, subjects }: SessionRecord,
): Promise<boolean> {
  const text = 'select keyturn.end_session($1, $2, $3, $4)';
  return (await valueOf<boolean>(manager, text, [id, by, leaf, subjects])) === true;
}

/** The live sessions of a person, the newest first. */
export async function liveSessionsOf(
  manager: EntityManager,
  person: string,
): Promise<readonly LiveSession[]> {
  return columnOf(
    manager,
    'select to_jsonb(live) from keyturn.live_session live where person = $1 order by began_at desc, id',
    [person],
  );
}

/** What a provider says in a logout token: whose session, or which one, of those that began until then. */
export interface ProviderLogout {
  readonly issuer: string;
  readonly subject: string | null;
  readonly session: string | null;
  readonly issuedAtSeconds: number;
}

/** The sessions that it is about. One that its provider did not name when it began is one of the person's. */
export async function sessionsOfLogout(
  manager: EntityManager,
  { issuer, subject, session, issuedAtSeconds }: ProviderLogout,
): Promise<readonly string[]> {
  return columnOf(
    manager,
    `select id from keyturn.session
     where issuer = $1 and ended_at is null and expires_at > clock_timestamp() and began_at <= to_timestamp($4)
       and ($2::text is null or provider_subject = $2)
       and ($3::text is null or provider_session = $3 or $2::text is not null and provider_session is null)
     order by id`,
    [issuer, subject, session, issuedAtSeconds],
  );
}
