import { z } from 'zod';

import type { LiveKey } from '../../../database/api-keys.ts';
import type { LiveSession } from '../../../database/sessions.ts';
import { OWN_ISSUER, type Identity, type LineageMember } from '../../../domain/identity/identity.ts';
import { groupsClaimOf, type GroupsClaim } from './groups-claim.ts';
import type { Issuer, SignInIssuer } from '../../../configuration/issuers.ts';
import { refusedToken } from './token-refusal.ts';

/** Who a verified token speaks for. */
export interface Principal {
  /** The requester: the actor of a delegated token, else its subject. */
  readonly identity: Identity;
  /** Everybody else the token names as standing behind the call. */
  readonly behind: readonly LineageMember[];
  readonly clientId: string | null;
  /** Every name that the token has for the client that got it. */
  readonly clients: readonly string[];
  readonly scopes: readonly string[];
  /** The client is one of those with which people sign in at this issuer. */
  readonly isClientOfPeople: boolean;
  /** A person signed in with an interactive client. */
  readonly isInteractive: boolean;
  /** Interactive, and meant for what people do here beside reading: with the command line, or with the scope to decide. */
  readonly mayAct: boolean;
  /** May act, and decide as well: a token that lies in a file of the command line may not, whatever its scope. */
  readonly isHuman: boolean;
  /** Where decisions of this token come from. */
  readonly channel: 'api' | 'cli' | 'console';
  readonly expiresAt: Date;
  /** What the token of a person says about her groups. Null for machines, and where the issuer is not configured for it. */
  readonly groups: GroupsClaim | null;
  /** The session of a browser; null of a token. */
  readonly session: LiveSession | null;
  /** The API key of an agent; null of a token and of a session. */
  readonly key: LiveKey | null;
}

/** Names that the database or a canonical form could not hold are refused here, once. */
const subject = z
  .string()
  .min(1)
  .max(512)
  .refine((name) => name.isWellFormed() && !name.includes('\0'));
const clientName = z.string().min(1).max(512);
const names = z.union([z.string().max(4_096), z.array(z.string().max(256)).max(256)]);

/** RFC 8693 section 4.1: who acts, and who acted before. */
interface Actor {
  readonly sub: string;
  readonly iss?: string | undefined;
  readonly act?: Actor | undefined;
}
const actor: z.ZodType<Actor> = z.lazy(() =>
  z.object({ sub: subject, iss: z.string().min(1).max(2_048).optional(), act: actor.optional() }),
);

const claimsSchema = z.object({
  iss: z.string(),
  sub: subject.optional(),
  exp: z.number(),
  client_id: clientName.optional(),
  azp: clientName.optional(),
  // Other names for the client, by Okta and by Entra; elsewhere they may mean anything.
  cid: z.unknown().optional(),
  appid: z.unknown().optional(),
  scope: names.optional(),
  scp: names.optional(),
  idtyp: z.string().optional(),
  gty: names.optional(),
  grant_type: names.optional(),
  preferred_username: z.string().max(512).optional(),
  email: z.string().max(512).optional(),
  act: actor.optional(),
});

type NamedClaims = z.infer<typeof claimsSchema> & {
  /** By the claim that the issuer is configured to name it with. */
  readonly client: string | undefined;
};

interface Claims extends NamedClaims {
  readonly account: string;
  readonly trigger: string | undefined;
}

/** How many actors a chain may have: longer ones are a mistake or an attack. */
const ACTORS_MAX = 8;

/**
 * The principal of verified claims. Refuses claims of an unexpected form: unknown forms are never guessed at, since a chain
 * of actors that cannot be read would hide somebody of the lineage.
 */
export function principalOf(payload: unknown, issuer: Issuer): Principal {
  const claims = readableClaims(payload, issuer);
  const actors = actorsOf(claims);
  const [first, ...earlier] = actors;
  // An issuer vouches for its own accounts only: it cannot make another issuer's agent the requester.
  if (actors.length > ACTORS_MAX || (first && first.issuer !== claims.iss))
    throw refusedToken('unknown_actors');
  const account = { issuer: claims.iss, subject: claims.account };
  const human = humanity(claims, issuer);
  const triggers = claims.trigger === undefined ? [] : [{ issuer: claims.iss, subject: claims.trigger }];
  return {
    identity: first ?? account,
    behind: [
      ...inRole('on_behalf_of', first ? [account] : []),
      ...inRole('trigger', [...earlier, ...triggers]).map((member) => vouchedFor(member, claims.iss)),
    ],
    clientId: clientOf(claims),
    clients: clientsOf(claims),
    scopes: scopesOf(claims),
    ...human,
    expiresAt: new Date((claims.exp + issuer.clock_tolerance_seconds) * 1_000),
    groups: human.mayAct ? groupsClaimOf(payload, issuer) : null,
    session: null,
    key: null,
  };
}

/**
 * Who signed in with a browser, by the verified claims of the ID token: the same account as in the tokens of that person,
 * and the same marks of machines.
 */
export function principalOfSignIn(payload: object, issuer: SignInIssuer, expiresAt: Date): Principal {
  const { client_id: client, subject: name = issuer.claims?.subject } = issuer.console;
  const named = { ...issuer, claims: { ...issuer.claims, ...(name !== undefined && { subject: name }) } };
  const claims = readableClaims({ ...payload, client_id: client }, named);
  const isHuman = isPersonAt(claims);
  return {
    ...personAt({ issuer: issuer.issuer, subject: claims.account }, client, expiresAt),
    isInteractive: isHuman,
    mayAct: isHuman,
    isHuman,
    groups: isHuman ? groupsClaimOf(payload, issuer) : null,
  };
}

/** Whose session it is: somebody who signed in as above. */
export function principalOfSession(session: LiveSession): Principal {
  const { issuer, subject, client, expires_at: expiry } = session;
  return { ...personAt({ issuer, subject }, client, new Date(expiry)), session };
}

/** Whose API key it is: a machine, whatever else is true of it. */
export function principalOfKey(key: LiveKey): Principal {
  return {
    identity: { issuer: OWN_ISSUER, subject: key.subject },
    behind: [],
    clientId: null,
    clients: [],
    scopes: [],
    isClientOfPeople: false,
    isInteractive: false,
    mayAct: false,
    isHuman: false,
    channel: 'api',
    expiresAt: new Date(key.expires_at),
    groups: null,
    session: null,
    key,
  };
}

function personAt(identity: Identity, client: string, expiresAt: Date): Principal {
  return {
    identity,
    behind: [],
    clientId: client,
    clients: [client],
    scopes: [],
    isClientOfPeople: true,
    isInteractive: true,
    mayAct: true,
    isHuman: true,
    channel: 'console',
    expiresAt,
    groups: null,
    session: null,
    key: null,
  };
}

/** The claims by their names at this issuer. Refuses those that are missing or cannot be read. */
function readableClaims(payload: unknown, issuer: Issuer): Claims {
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success)
    throw refusedToken('unreadable_claim', { claim: String(parsed.error.issues[0]?.path[0]) });
  const claims = parsed.data;
  const named = (name: string | undefined, schema: z.ZodType<string>): string | undefined => {
    const value = schema.optional().safeParse(name && (payload as Readonly<Record<string, unknown>>)[name]);
    if (!value.success) throw refusedToken('unreadable_claim', { claim: String(name) });
    return value.data;
  };
  const client = named(issuer.claims?.client, clientName);
  return {
    ...claims,
    client,
    account: accountOf({ ...claims, client }, issuer, named(issuer.claims?.subject, subject)),
    trigger: named(issuer.claims?.trigger, subject),
  };
}

/**
 * The subject of the account. Clients that sign in as themselves may lack the claim that people have: they are known by
 * `sub` then, but nobody else is. Two claims would be two name spaces, and one could be made to look like the other.
 */
function accountOf(claims: NamedClaims, { claims: names }: Issuer, found: string | undefined): string {
  const isOwnToken = claims.sub !== undefined && clientsOf(claims).includes(claims.sub);
  const account = names?.subject !== undefined && !isOwnToken ? found : (found ?? claims.sub);
  if (account === undefined) throw refusedToken('missing_claim', { claim: names?.subject ?? 'sub' });
  return account;
}

function inRole(role: LineageMember['role'], identities: readonly Identity[]): readonly LineageMember[] {
  return identities.map((identity) => ({ ...identity, role }));
}

/** What an issuer says about another issuer's accounts proves nothing: it only takes away who may approve. */
function vouchedFor(member: LineageMember, issuer: string): LineageMember {
  return member.issuer === issuer ? member : { ...member, is_declared: true };
}

/** Where people decide in the console alone. */
const NOBODY: NonNullable<Issuer['human']> = { clients: [], scope: '' };

function humanity(
  claims: Claims,
  issuer: Issuer,
): Pick<Principal, 'isClientOfPeople' | 'isInteractive' | 'mayAct' | 'isHuman' | 'channel'> {
  const client = clientOf(claims) ?? '';
  const isCli = client === issuer.cli_client;
  const { clients, scope } = issuer.human ?? NOBODY;
  const isClientOfPeople = isCli || clients.includes(client);
  const isInteractive = isClientOfPeople && hasConsented(claims);
  const mayDecide = !isCli && scopesOf(claims).includes(scope);
  return {
    isClientOfPeople,
    isInteractive,
    mayAct: isInteractive && (isCli || mayDecide),
    isHuman: isInteractive && mayDecide,
    channel: isCli ? 'cli' : 'api',
  };
}

/** Where nobody consented to anything, nobody signed in: an application's own token has roles at most. */
function hasConsented(claims: Claims): boolean {
  return scopesOf(claims).length > 0 && isPersonAt(claims);
}

/** One issuer serves people and machines alike, so each token has to prove that a person stands behind it. */
function isPersonAt(claims: Claims): boolean {
  return (
    ![claims.sub, claims.account].some((name) => name !== undefined && clientsOf(claims).includes(name)) &&
    claims.act === undefined &&
    !isServiceAccount(claims)
  );
}

/** Clients that sign in as themselves get tokens like those of people at some issuers; each marks them in its own way. */
function isServiceAccount({
  sub = '',
  idtyp,
  gty,
  grant_type,
  preferred_username: name = '',
  email = '',
}: Claims): boolean {
  const grants = [gty, grant_type].flatMap((value) =>
    typeof value === 'string' ? value.split(' ') : (value ?? []),
  );
  return (
    // Entra says `user` or `app`, where it says anything.
    (idtyp !== undefined && idtyp !== 'user') ||
    grants.some((grant) => grant.replace('_', '-') === 'client-credentials') ||
    /@clients$/i.test(sub) ||
    [sub, name].some((one) => /^service-account-/i.test(one)) ||
    [sub, email].some((one) => /gserviceaccount\.com$/i.test(one))
  );
}

/** The client that got the token. Names that differ prove nothing. */
function clientOf({ client, client_id: clientId, azp }: NamedClaims): string | null {
  const names = new Set([client, clientId, azp].filter((name) => name !== undefined));
  const [only] = names;
  return names.size === 1 && only !== undefined ? only : null;
}

/** Every client that may have got the token: an agent among them is behind the call, so naming more is safe. */
function clientsOf({ client, client_id: clientId, azp, cid, appid }: NamedClaims): readonly string[] {
  const names = [client, clientId, azp, cid, appid].filter((name) => typeof name === 'string');
  return [...new Set(names)];
}

function scopesOf({ scope, scp }: Claims): readonly string[] {
  return [scope, scp].flatMap((value) =>
    typeof value === 'string' ? value.split(' ').filter(Boolean) : (value ?? []),
  );
}

function actorsOf(claims: Claims): readonly Identity[] {
  const actors: Identity[] = [];
  for (let next = claims.act; next; next = next.act) {
    actors.push({ issuer: next.iss ?? claims.iss, subject: next.sub });
  }
  return actors;
}
