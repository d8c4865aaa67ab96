import { z } from 'zod';

import type { Identity, LineageMember } from '../../../domain/identity.ts';
import { groupsClaimOf, type GroupsClaim } from './groups-claim.ts';
import type { Issuer } from './issuers.ts';

/** Who a verified token speaks for. */
export interface Principal {
  /** Who asks: the actor of a delegated token, else its subject. */
  readonly identity: Identity;
  /** Everybody else the token names as standing behind the call. */
  readonly behind: readonly LineageMember[];
  readonly clientId: string | null;
  /** Every name that the token has for the client that got it. */
  readonly clients: readonly string[];
  readonly scopes: readonly string[];
  /** A person signed in with an interactive client. */
  readonly isInteractive: boolean;
  /** Interactive, and the token was given the scope to decide. */
  readonly isHuman: boolean;
  /** Where decisions of this token come from. */
  readonly channel: 'api' | 'cli';
  readonly expiresAt: Date;
  /** What the token of a person lists of her groups. Null for machines, and where the issuer does not say. */
  readonly groups: GroupsClaim | null;
}

/** Names that the database or a canonical form could not hold are refused here, once. */
const subject = z
  .string()
  .min(1)
  .max(512)
  .refine((name) => name.isWellFormed() && !name.includes('\0'));
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
  sub: subject,
  exp: z.number(),
  client_id: z.string().max(512).optional(),
  azp: z.string().max(512).optional(),
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

type Claims = z.infer<typeof claimsSchema>;

/** How many actors a chain may have: longer ones are a mistake or an attack. */
const ACTORS_MAX = 8;

/**
 * The principal of verified claims, or null when a claim has an unexpected form. Unknown forms are never guessed at: a
 * chain of actors that cannot be read would hide somebody of the lineage.
 */
export function principalOf(payload: unknown, issuer: Issuer): Principal | null {
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success) return null;
  const claims = parsed.data;
  const actors = actorsOf(claims);
  const [first, ...earlier] = actors;
  // An issuer vouches for its own accounts only: another issuer's agent cannot be made to ask by its word.
  if (actors.length > ACTORS_MAX || (first && first.issuer !== claims.iss)) return null;
  const account = { issuer: claims.iss, subject: claims.sub };
  const trigger = triggerOf(payload, issuer);
  if (!trigger.success) return null;
  const human = humanity(claims, issuer);
  const triggers = trigger.data === undefined ? [] : [{ issuer: claims.iss, subject: trigger.data }];
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
    expiresAt: new Date(claims.exp * 1_000),
    groups: human.isHuman ? groupsClaimOf(payload, issuer) : null,
  };
}

function inRole(role: LineageMember['role'], identities: readonly Identity[]): readonly LineageMember[] {
  return identities.map((identity) => ({ ...identity, role }));
}

/** What an issuer says of another issuer's accounts proves nothing: it takes away who may agree, and opens nothing. */
function vouchedFor(member: LineageMember, issuer: string): LineageMember {
  return member.issuer === issuer ? member : { ...member, is_declared: true };
}

function humanity(claims: Claims, issuer: Issuer): Pick<Principal, 'isInteractive' | 'isHuman' | 'channel'> {
  const client = clientOf(claims);
  const isInteractive = client !== null && isPersonAt(client, claims, issuer);
  const scope = issuer.human?.scope ?? '';
  return {
    isInteractive,
    isHuman: isInteractive && scope !== '' && scopesOf(claims).includes(scope),
    channel: client !== null && client === issuer.cli_client ? 'cli' : 'api',
  };
}

/** One issuer serves people and machines alike, so each token has to prove that a person stands behind it. */
function isPersonAt(client: string, claims: Claims, { human }: Issuer): boolean {
  return (
    human !== undefined &&
    human.clients.includes(client) &&
    claims.sub !== client &&
    claims.act === undefined &&
    !isServiceAccount(claims)
  );
}

/** Clients that sign in as themselves get tokens like those of people at some issuers; each marks them in its own way. */
function isServiceAccount({
  sub,
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
    idtyp === 'app' ||
    grants.some((grant) => grant.replace('_', '-') === 'client-credentials') ||
    /@clients$/i.test(sub) ||
    [sub, name].some((one) => /^service-account-/i.test(one)) ||
    [sub, email].some((one) => /gserviceaccount\.com$/i.test(one))
  );
}

/** The client that got the token. Two names that differ prove nothing. */
function clientOf({ client_id: clientId, azp }: Claims): string | null {
  if (clientId !== undefined && azp !== undefined && clientId !== azp) return null;
  return clientId ?? azp ?? null;
}

/** Whoever may have got the token: an agent among them is behind the call, so more of them are no harm. */
function clientsOf({ client_id: clientId, azp, cid, appid }: Claims): readonly string[] {
  const names = [clientId, azp, cid, appid].filter((name) => typeof name === 'string');
  return [...new Set(names)];
}

function scopesOf({ scope, scp }: Claims): readonly string[] {
  return [scope, scp].flatMap((value) => (typeof value === 'string' ? value.split(' ') : (value ?? [])));
}

function actorsOf(claims: Claims): readonly Identity[] {
  const actors: Identity[] = [];
  for (let next = claims.act; next; next = next.act) {
    actors.push({ issuer: next.iss ?? claims.iss, subject: next.sub });
  }
  return actors;
}

function triggerOf(payload: unknown, issuer: Issuer): z.ZodSafeParseResult<string | undefined> {
  const name = issuer.claims?.trigger;
  return subject.optional().safeParse(name && (payload as Readonly<Record<string, unknown>>)[name]);
}
