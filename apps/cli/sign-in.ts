import { protectedResourceSchema, type SignIn } from '../../contract/sign-in.ts';
import { failure } from './exit.ts';

const ASK_MS = 10_000;

/** What the person specifies about signing in; the API supplies the rest. */
export type SignInWish = Partial<SignIn>;

/**
 * How to sign in for an API, which says so itself (RFC 9728). If it cannot be reached, an issuer that is named will do, with
 * the usual client and scope.
 */
export async function signInFor(api: string, wish: SignInWish): Promise<SignIn> {
  const found = await offersOf(api).catch((error: unknown) => {
    if (wish.issuer === undefined) throw error;
    return [];
  });
  const { issuer } = wish;
  if (issuer !== undefined) {
    const offered = found.find((one) => isSameIssuer(one.issuer, issuer));
    return { ...(offered ?? USUAL), ...wish, issuer };
  }
  const [offer, ...others] = found;
  if (others.length > 0) {
    const names = found.map((one) => one.issuer).join(', ');
    throw failure(
      'issuer_needed',
      `People sign in for ${api} in several places: give --issuer, one of ${names}.`,
    );
  }
  if (!offer) throw failure('issuer_needed', `${api} does not say where people sign in: give --issuer.`);
  return { ...offer, ...wish };
}

const USUAL = { client_id: 'keyturn-cli', scope: 'openid', audience: null, resource: null };

function isSameIssuer(one: string, other: string): boolean {
  return one.replace(/\/$/, '') === other.replace(/\/$/, '');
}

/** An attacker who could change the answer in transit could make people sign in elsewhere. */
async function offersOf(api: string): Promise<readonly SignIn[]> {
  if (!isProtected(new URL(api)))
    throw failure(
      'insecure_api',
      `${api} must say over https where to sign in: give --issuer, or an https address.`,
    );
  const address = `${api.replace(/\/+$/, '')}/.well-known/oauth-protected-resource`;
  const response = await fetch(address, { signal: AbortSignal.timeout(ASK_MS), redirect: 'error' }).catch(
    () => null,
  );
  if (!response) throw failure('unreachable', `${api} cannot be reached: is it running? Else give --api.`);
  const answer: unknown = response.ok ? await response.json().catch(() => null) : null;
  const metadata = protectedResourceSchema.safeParse(answer);
  if (!metadata.success)
    throw failure('issuer_needed', `${api} does not say where people sign in: give --issuer.`);
  return metadata.data.keyturn_sign_in;
}

/** True for an address whose answer nobody can change on the way. */
export function isProtected({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
}
