import { randomBytes } from 'node:crypto';

import {
  lockKeyLog,
  storeKey,
  storeRevocation,
  type NewKey,
  type StoredKey,
} from '../../../database/api-keys.ts';
import { driverCode, KEYS_FULL, SIGN_IN_AGAIN } from '../../../database/refusals.ts';
import type { SessionRecord } from '../../../database/sessions.ts';
import { lastLeafOf } from '../../../domain/audit/leaf.ts';
import { sha256 } from '../../../domain/crypto/digest.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { Agent } from '../../../domain/identity/directory.ts';
import { base32, pseudonymOf } from '../../../domain/identity/ids.ts';
import { reviewerOf, type Caller } from '../auth/caller.ts';
import { newKey } from '../auth/key-verifier.ts';
import { digestOfSecret } from '../auth/session-cookie.ts';
import type { ApiContext } from '../context.ts';
import { notBefore, recordOf, type RecordedEvent } from '../entries.ts';

type LogContext = Pick<ApiContext, 'source' | 'keys'>;

/** What a key is for, and until when. */
export interface KeyTerms extends Pick<StoredKey, 'title' | 'actions' | 'targets'> {
  readonly agent: Agent;
  readonly expiresAt: Date;
}

/** Makes a key of an agent with its entry, in the session of the person who calls. */
export async function createKey(
  { source, keys }: LogContext,
  caller: Caller,
  { agent, title, actions, targets, expiresAt }: KeyTerms,
): Promise<{ readonly stored: StoredKey; readonly key: string }> {
  const id = `key_${base32(randomBytes(16))}`;
  const { prefix, key } = newKey(id);
  const digest = digestOfSecret(key);
  const created: NewKey = { id, digest, prefix, agent: agent.id, title, created_by: reviewerOf(caller).id };
  const account = { issuer: agent.issuer, subject: agent.subject };
  const pseudonym = pseudonymOf(keys.identity, account);
  const facts = {
    key: id,
    agent: pseudonym,
    session: caller.principal.session?.id ?? null,
    actions: actions && [...actions],
    targets: targets && [...targets],
    expires_at: expiresAt.toISOString(),
    // Ties the row to the entry, and tells nobody of what: the digest of the key is no more to be guessed than the key.
    row_digest: sha256([digest, agent.id, created.created_by].join('\n')),
  };
  const stored = await source
    .transaction(async (manager) => {
      const last = await lockKeyLog(manager);
      const record = recordBy({ keys, caller, last }, { type: 'key.created', facts, parts: {} });
      const subjects = { ...record.subjects, [pseudonym]: account };
      return storeKey(manager, created, { ...record, subjects });
    })
    .catch(refusalOf);
  return { stored, key };
}

function refusalOf(error: unknown): never {
  const code = driverCode(error);
  if (code === SIGN_IN_AGAIN)
    throw new KeyturnError(
      'sign_in_again',
      'An API key is made within ten minutes after a sign-in at which the identity provider asked you: open /sign-in?prompt=login and repeat. If you just did, its ID tokens lack `auth_time`: have that claim added.',
    );
  if (code === KEYS_FULL)
    throw new KeyturnError('too_many_keys', 'The agent has ten live API keys: revoke one that nothing uses.');
  throw error;
}

/** Revokes a key with its entry. Does nothing to one that had ended already. */
export async function revokeKey(
  { source, keys }: LogContext,
  caller: Caller,
  { id, how }: { readonly id: string; readonly how: 'owner' | 'operator' },
): Promise<void> {
  const { id: by } = reviewerOf(caller);
  await source.transaction(async (manager) => {
    const last = await lockKeyLog(manager);
    const event = { type: 'key.revoked' as const, facts: { key: id, how }, parts: {} };
    await storeRevocation(manager, { id, by }, recordBy({ keys, caller, last }, event));
  });
}

interface Recorder extends Pick<ApiContext, 'keys'> {
  readonly caller: Caller;
  readonly last: string | null;
}

/** The next entry, by the person who calls. */
function recordBy({ keys, caller, last }: Recorder, event: RecordedEvent): SessionRecord {
  const { identity, channel } = caller.principal;
  const by = { person: reviewerOf(caller).id, identity, channel, policyDigest: caller.policy.digest };
  const at = notBefore(lastLeafOf(last).at);
  const { entries, subjects } = recordOf({ identityKey: keys.identity, stream: 'keys', by, at, last }, [
    event,
  ]);
  return { leaf: entries[0]?.leaf ?? '', subjects };
}
