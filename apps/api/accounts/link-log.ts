import { randomBytes } from 'node:crypto';

import type { EntityManager } from 'typeorm';

import {
  storeAccountLink,
  storeLinkEnd,
  type AccountLink,
  type BegunLink,
} from '../../../database/account-links.ts';
import {
  ACCOUNT_OWN,
  ACCOUNT_TAKEN,
  driverCode,
  NO_SUCH_LINK,
  SIGN_IN_AGAIN,
} from '../../../database/refusals.ts';
import type { SessionRecord } from '../../../database/sessions.ts';
import { lastLeafOf } from '../../../domain/audit/leaf.ts';
import { sha256 } from '../../../domain/crypto/digest.ts';
import { KeyturnError, type ErrorCode } from '../../../domain/errors.ts';
import { personPseudonym, pseudonymOf } from '../../../domain/identity/ids.ts';
import { lastDirectoryEntry } from '../../../database/directory-writes.ts';
import { reviewerOf, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { writeDirectory } from '../directory-stream.ts';
import { notBefore, recordOf, type RecordedEvent } from '../entries.ts';
import { STALE } from '../auth/session-of.ts';

type LogContext = Pick<ApiContext, 'source' | 'keys'>;

/** Links the account that signed in to the person who calls, with its entry. */
export async function linkAccount(
  context: LogContext,
  caller: Caller,
  { id, session, issuer, subject }: BegunLink & { readonly subject: string },
): Promise<AccountLink> {
  const { id: person } = reviewerOf(caller);
  const salt = randomBytes(16).toString('hex');
  const account = pseudonymOf(context.keys.identity, { issuer, subject });
  const row_digest = sha256([salt, issuer, subject, person].join('\n'));
  return inLog(context, caller, {
    event: { type: 'account.linked', facts: { link: id, session, account, row_digest }, parts: {} },
    names: { [account]: { issuer, subject } },
    store: (manager, record) => storeAccountLink(manager, { id, session, salt }, record),
  });
}

/** Removes a link for its person or an operator, with its entry. Does nothing to one that was removed before. */
export async function unlinkAccount(
  context: LogContext,
  caller: Caller,
  { link, session }: { readonly link: AccountLink; readonly session: string },
): Promise<void> {
  const { id: by } = reviewerOf(caller);
  const { id, issuer, subject, person } = link;
  const { identity: key } = context.keys;
  const [account, of] = [pseudonymOf(key, { issuer, subject }), personPseudonym(key, person)];
  const how = by === person ? 'person' : 'operator';
  await inLog(context, caller, {
    event: { type: 'account.unlinked', facts: { link: id, session, account, of, how }, parts: {} },
    names: { [account]: { issuer, subject }, [of]: { person } },
    store: (manager, record) => storeLinkEnd(manager, { id, by }, record),
  });
}

interface Writing<Stored> {
  readonly event: RecordedEvent;
  /** What pseudonyms of the entry stand for, beside who calls. */
  readonly names: SessionRecord['subjects'];
  readonly store: (manager: EntityManager, record: SessionRecord) => Promise<Stored>;
}

async function inLog<Stored>(
  { source, keys: { identity: identityKey } }: LogContext,
  caller: Caller,
  { event, names, store }: Writing<Stored>,
): Promise<Stored> {
  const { identity, channel } = caller.principal;
  const by = { person: reviewerOf(caller).id, identity, channel, policyDigest: caller.policy.digest };
  return writeDirectory(source, async (manager) => {
    const last = await lastDirectoryEntry(manager);
    const at = notBefore(lastLeafOf(last).at);
    const { entries, subjects } = recordOf({ identityKey, stream: 'directory', by, at, last }, [event]);
    return store(manager, { leaf: entries[0]?.leaf ?? '', subjects: { ...subjects, ...names } });
  }).catch(refusalOf);
}

/** Says nothing of the person who has the account: the caller may know that account, and not whose it is. */
export const TAKEN =
  'This account is somebody else’s in the directory, or was. Nobody can link it: where you have two entries there, operators merge them in the directory.';

const REFUSALS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  [SIGN_IN_AGAIN]: ['sign_in_again', STALE],
  [NO_SUCH_LINK]: [
    'not_found',
    'There is no such link that waits in this session: it was used, is over, or nobody signed in with the other account.',
  ],
  [ACCOUNT_TAKEN]: ['account_taken', TAKEN],
  [ACCOUNT_OWN]: ['account_taken', 'This account is yours already.'],
};

function refusalOf(error: unknown): never {
  const [code, message] = REFUSALS[driverCode(error) ?? ''] ?? [];
  if (code !== undefined) throw new KeyturnError(code, message ?? '');
  throw error;
}
