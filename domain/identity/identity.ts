/** Who a token speaks for, as its issuer names it. Two issuers may use the same subject: only the pair identifies. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
}

/** The issuer of agents that call with API keys. No token names it, and no person has an account there. */
export const OWN_ISSUER = 'keyturn';

/** Why an identity belongs to a request (the "own" of "nobody approves their own request"). */
export type LineageRole = 'requester' | 'owner' | 'on_behalf_of' | 'trigger' | 'editor' | 'key_maker';

/** One identity behind a request. */
export interface LineageMember extends Identity {
  readonly role: LineageRole;
  /**
   * Only the caller says so, or an issuer that is not the account's own: no token of its issuer names this member, and neither
   * does the directory. Absent: it is proven.
   */
  readonly is_declared?: true;
}

/** A member with the fields that are kept and signed, and no others. */
export function memberOf({ role, issuer, subject, is_declared }: LineageMember): LineageMember {
  return { role, issuer, subject, ...(is_declared ? { is_declared } : {}) };
}

/** Every identity behind a request. Never empty: the first member is the requester. */
export type Lineage = readonly LineageMember[];

/** Who answers for a request where all agents of one owner share something: the owner, else who asks. */
export function rootOf(lineage: Lineage): Identity {
  const root = lineage.find(({ role }) => role === 'owner') ?? lineage[0];
  return { issuer: root?.issuer ?? '', subject: root?.subject ?? '' };
}

/** True when both name the same account at the same issuer. No normalisation: look-alikes are different identities. */
export function isSameIdentity(left: Identity, right: Identity): boolean {
  return left.issuer === right.issuer && left.subject === right.subject;
}

/** A key for maps; length-prefixed so that no choice of issuer and subject can collide with another pair. */
export function identityKey(identity: Identity): string {
  return `${identity.issuer.length}:${identity.issuer}${identity.subject}`;
}
