import type { EntityManager } from 'typeorm';

import { queryPrepared } from './prepared.ts';
import { columnOf, valueOf } from './rows.ts';
import type { SessionRecord } from './sessions.ts';

/** An API key of an agent, without what it is. */
export interface StoredKey {
  readonly id: string;
  readonly prefix: string;
  /** Id of the agent in the directory. */
  readonly agent: string;
  readonly title: string;
  /** Ids of actions that it is for; null for all that policy lets the agent ask for. */
  readonly actions: readonly string[] | null;
  readonly targets: readonly string[] | null;
  readonly created_by: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly used_at: string | null;
  readonly revoked_at: string | null;
}

/** One that people look at. */
export interface ListedKey extends StoredKey {
  /** Calls with it are let in. */
  readonly is_live: boolean;
}

/** One that is neither over nor revoked, of an agent that has had its account ever since. */
export interface LiveKey extends StoredKey {
  /** The subject of the agent's account. */
  readonly subject: string;
}

const USE = { name: 'use-api-key', text: 'select keyturn.use_api_key($1) as key' };

/** The live key with this digest, which is used by that; null for none. */
export async function useKey(manager: EntityManager, digest: string): Promise<LiveKey | null> {
  const [found] = await queryPrepared<{ key: LiveKey | null }>(manager, USE, [digest]);
  return found?.key ?? null;
}

/** True while the key may be called with. Asking is no use of it. */
export async function isLiveKey(manager: EntityManager, id: string): Promise<boolean> {
  const text = 'select exists (select from keyturn.live_api_key where id = $1)';
  return (await valueOf<boolean>(manager, text, [id])) === true;
}

/** The last entry of the log of keys, or null. Until the transaction ends nobody else makes or revokes one. */
export async function lockKeyLog(manager: EntityManager): Promise<string | null> {
  return valueOf(manager, 'select keyturn.lock_api_keys()');
}

/** A key that is made. What it is for, and until when, its entry says. Of the key itself the SHA-256. */
export interface NewKey extends Pick<StoredKey, 'id' | 'prefix' | 'agent' | 'title' | 'created_by'> {
  readonly digest: string;
}

/** Stores a key with its entry. */
export async function storeKey(
  manager: EntityManager,
  created: NewKey,
  { leaf, subjects }: SessionRecord,
): Promise<StoredKey> {
  const text = 'select keyturn.create_api_key($1, $2, $3)';
  const stored = await valueOf<StoredKey>(manager, text, [created, leaf, subjects]);
  if (!stored) throw new Error('The database does not say which key it stored.');
  return stored;
}

/** Revokes a key with its entry. False when it had ended already. */
export async function storeRevocation(
  manager: EntityManager,
  { id, by }: { readonly id: string; readonly by: string },
  { leaf, subjects }: SessionRecord,
): Promise<boolean> {
  const text = 'select keyturn.revoke_api_key($1, $2, $3, $4)';
  return (await valueOf<boolean>(manager, text, [id, by, leaf, subjects])) === true;
}

const LISTED = `
  select to_jsonb(api_key) - 'digest' || jsonb_build_object(
    'is_live', exists (select from keyturn.live_api_key live where live.id = api_key.id))
  from keyturn.api_key`;

/** The keys of agents, the newest first, also those that ended less than 30 days ago. */
export async function keysOf(
  manager: EntityManager,
  agents: readonly string[],
): Promise<readonly ListedKey[]> {
  return columnOf(manager, `${LISTED} where agent = any($1) order by created_at desc, id`, [agents]);
}

/** A key by its id; null for none. */
export async function readKey(manager: EntityManager, id: string): Promise<ListedKey | null> {
  return valueOf(manager, `${LISTED} where id = $1`, [id]);
}
