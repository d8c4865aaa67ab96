import { trustedProviderOf } from '../../../configuration/issuers.ts';
import { answerLink, linkRefusal, openBegunLink, type BegunLink } from '../../../database/account-links.ts';
import { ACCOUNT_OWN, ACCOUNT_TAKEN } from '../../../database/refusals.ts';
import { isFreshSession, type LiveSession } from '../../../database/sessions.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { agentOf, agentsOfClient, personBehind } from '../../../domain/identity/directory.ts';
import type { SignedIn } from '../auth/id-token.ts';
import { callerSnapshot } from '../auth/authenticate.ts';
import { principalOfSignIn, type Principal } from '../auth/principal.ts';
import type { ApiContext } from '../context.ts';
import { authenticatedAt, type Finishing } from './finish.ts';
import { answerOf } from './proof.ts';

/** The link that was begun in this session. Refuses (`not_found`) one that was not, was answered or is over. */
export async function linkToSignInFor(
  { source }: Pick<ApiContext, 'source'>,
  session: LiveSession | null,
  id: string,
): Promise<BegunLink> {
  const begun = session && (await openBegunLink(source.manager, { id, session: session.id }));
  if (begun?.subject === null) return begun;
  throw new KeyturnError(
    'not_found',
    'This link of an account was used, is over, or was begun in another session. Begin it again on your page.',
  );
}

/** Why a sign-in links nothing: a word of the address that the browser comes back with. */
export type LinkFault =
  | 'refused'
  | 'over'
  | 'sign_in_again'
  | 'own_account'
  | 'taken'
  | 'machine'
  | 'no_sign_in_time'
  | 'signed_in_too_early';

interface Linking extends Pick<Finishing, 'provider' | 'pending' | 'query'> {
  /** The session of the browser that came back: the one that began the link, or nothing is linked. */
  readonly session: LiveSession | null;
}

/**
 * Keeps who signed in with the link that it is for; null where the person can confirm it now. The session stays as it is: it
 * was begun with the other account.
 */
export async function answerBySecondSignIn(context: ApiContext, linking: Linking): Promise<LinkFault | null> {
  const { pending, provider, session } = linking;
  const answered = await answerOf(context, linking);
  if (!answered) return 'refused';
  const { manager } = context.source;
  const id = pending.link ?? '';
  const begun = session && (await openBegunLink(manager, { id, session: session.id }));
  if (begun?.subject !== null || begun.issuer !== provider.issuer.issuer || !session) return 'over';
  if (!(await isFreshSession(manager, session))) return 'sign_in_again';
  return keepAnswer(context, { provider, claims: answered.claims, begun, session });
}

interface Answered extends Pick<Finishing, 'provider'> {
  readonly claims: SignedIn;
  readonly begun: BegunLink;
  readonly session: LiveSession;
}

async function keepAnswer(
  context: ApiContext,
  { provider, claims, begun: { id, begun_at: begunAt }, session }: Answered,
): Promise<LinkFault | null> {
  const at = authenticatedAt(claims['auth_time'], provider.issuer);
  if (at === null) return 'no_sign_in_time';
  const { tolerance_seconds: tolerance } = trustedProviderOf(provider.issuer);
  if (Date.parse(at) < Date.parse(begunAt) - tolerance * 1_000) return 'signed_in_too_early';
  const principal = principalOfSignIn(claims, provider.issuer, new Date());
  const fault = await accountFault(context, principal, session);
  if (fault !== null) return fault;
  const { issuer, subject } = principal.identity;
  const answer = {
    id,
    session: session.id,
    issuer,
    subject,
    shown_as: shownAs(claims),
    authenticated_at: at,
  };
  return (await answerLink(context.source.manager, answer)) ? null : 'over';
}

/** Early, so that nobody is asked to confirm what is refused; the database has the last word. */
async function accountFault(
  context: ApiContext,
  { identity, isHuman }: Principal,
  { person }: LiveSession,
): Promise<LinkFault | null> {
  if (!isHuman) return 'machine';
  const refused = await linkRefusal(context.source.manager, { ...identity, person });
  if (refused === ACCOUNT_OWN) return 'own_account';
  const { policy, directory } = await callerSnapshot(context);
  const client = { issuer: identity.issuer, client: identity.subject };
  const isAgent =
    agentOf(directory, identity) !== undefined ||
    agentsOfClient(policy.policy.directory.agents, client).length > 0;
  const holder = personBehind(directory, identity);
  const isOthers = holder !== undefined && holder.id !== person;
  return refused === ACCOUNT_TAKEN || isAgent || isOthers ? 'taken' : null;
}

/** What people know their account by: a subject is often a number. */
function shownAs(claims: SignedIn): string | null {
  const named = [claims['preferred_username'], claims['email'], claims['name']];
  const [first] = named.filter((name): name is string => typeof name === 'string' && name.isWellFormed());
  return first === undefined ? null : first.replaceAll('\0', '').slice(0, 256);
}
