import { randomBytes } from 'node:crypto';

import type { EntityManager } from 'typeorm';

import { nextEntry } from '../../../database/audit-entries.ts';
import { driverCode, SIGN_IN_USED } from '../../../database/refusals.ts';
import {
  lockSessionLog,
  sessionsOfLogout,
  storeEnd,
  storeStart,
  type LiveSession,
  type ProviderLogout,
  type SessionRecord,
} from '../../../database/sessions.ts';
import { lastLeafOf, type LeafDraft, type LeafType } from '../../../domain/audit/leaf.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { base32 } from '../../../domain/identity/ids.ts';
import { reviewerOf, type Caller } from '../auth/caller.ts';
import { digestOfSecret, newSecret } from '../auth/session-cookie.ts';
import type { ApiContext } from '../context.ts';
import { notBefore, recordOf } from '../entries.ts';
import type { SignedInPerson } from './finish.ts';

const STREAM = { request: 'sessions', run: 'sessions', namespace: '' } as const;

type LogContext = Pick<ApiContext, 'source' | 'keys'>;

/**
 * Starts a session with its entry, and answers the secret for its cookie: always a new one. The session that the browser had
 * before ends. Refuses a state that started one already.
 */
export async function startSession(
  { source, keys }: LogContext,
  signedIn: SignedInPerson,
  { state, replaced }: { readonly state: string; readonly replaced: Caller | null },
): Promise<string> {
  const { caller } = signedIn;
  const { principal } = caller;
  const secret = newSecret();
  const id = `ses_${base32(randomBytes(16))}`;
  const started = {
    id,
    digest: digestOfSecret(secret),
    state: digestOfSecret(state),
    issuer: principal.identity.issuer,
    subject: principal.identity.subject,
    client: principal.clientId ?? '',
    person: reviewerOf(caller).id,
    authenticated_at: signedIn.authenticatedAt,
    provider_subject: signedIn.providerSubject,
    provider_session: signedIn.providerSession,
  };
  await source.transaction(async (manager) => {
    if (replaced) await endIn({ manager, keys, caller: replaced }, replaced.principal.session);
    const facts = { session: id, expires_at: principal.expiresAt.toISOString() };
    const last = await lockSessionLog(manager);
    await storeStart(manager, started, recordBy({ keys, caller, last }, 'session.started', facts)).catch(
      refuseUsed,
    );
  });
  return secret;
}

function refuseUsed(error: unknown): never {
  if (driverCode(error) !== SIGN_IN_USED) throw error;
  throw new KeyturnError('unauthenticated', 'This sign-in was used already. Sign in again.');
}

/** Ends a session for a caller: an own one, or as an operator one of somebody else. False: it was over already. */
export async function endSession(
  { source, keys }: LogContext,
  caller: Caller,
  session: Pick<LiveSession, 'id' | 'person'>,
): Promise<boolean> {
  return source.transaction((manager) => endIn({ manager, keys, caller }, session));
}

/** Ends the sessions that a provider says are over. Answers how many. */
export async function endByProvider(context: LogContext, logout: ProviderLogout): Promise<number> {
  return context.source.transaction(async (manager) => {
    let count = 0;
    for (const id of await sessionsOfLogout(manager, logout)) {
      const last = lastLeafOf(await lockSessionLog(manager));
      const draft: LeafDraft = {
        type: 'session.ended',
        at: notBefore(last.at),
        actor: { pseudonym: 'sys_provider', kind: 'system', via: 'oidc' },
        intent_digest: null,
        decision_digest: null,
        policy_digest: null,
        facts: { session: id, how: 'provider' },
        evidence: null,
        parts: {},
      };
      const { text: leaf } = nextEntry(draft, { ...STREAM, id: (n) => `sessions/${n}`, last });
      if (await storeEnd(manager, { id, by: null }, { leaf, subjects: {} })) count += 1;
    }
    return count;
  });
}

interface Ending extends Pick<ApiContext, 'keys'> {
  readonly manager: EntityManager;
  readonly caller: Caller;
}

async function endIn(
  { manager, keys, caller }: Ending,
  session: Pick<LiveSession, 'id' | 'person'> | null,
): Promise<boolean> {
  if (session === null) return false;
  const { id: by } = reviewerOf(caller);
  const facts = { session: session.id, how: by === session.person ? 'person' : 'operator' };
  const last = await lockSessionLog(manager);
  return storeEnd(manager, { id: session.id, by }, recordBy({ keys, caller, last }, 'session.ended', facts));
}

interface Recorder extends Pick<ApiContext, 'keys'> {
  readonly caller: Caller;
  readonly last: string | null;
}

/** The next entry, by the person who calls. */
function recordBy(
  { keys, caller, last }: Recorder,
  type: LeafType,
  facts: Readonly<Record<string, JsonValue>>,
): SessionRecord {
  const { identity, channel } = caller.principal;
  const by = { person: reviewerOf(caller).id, identity, channel, policyDigest: caller.policy.digest };
  const at = notBefore(lastLeafOf(last).at);
  const recording = { identityKey: keys.identity, stream: STREAM.request, by, at, last };
  const { entries, subjects } = recordOf(recording, [{ type, facts, parts: {} }]);
  return { leaf: entries[0]?.leaf ?? '', subjects };
}
