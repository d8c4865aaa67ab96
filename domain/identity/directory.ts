import { oncePer, remembered } from '../once-per.ts';
import { identityKey, isSameIdentity, type Identity, type Lineage } from './identity.ts';

/** A human. All accounts of a person count as one: one vote, one lineage. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly active: boolean;
  readonly accounts: readonly Identity[];
  /** Accounts that were linked once and sign in no more: whatever they did stays this person's. Absent for none. */
  readonly former_accounts?: readonly Identity[];
}

/** A program that may ask. `owner` answers for it and is part of every lineage it starts. */
export interface Agent extends Identity {
  readonly id: string;
  readonly name: string;
  readonly active: boolean;
  readonly owner: string;
  /** Declared as acting for people: a request of it that names nobody is refused. */
  readonly acts_for_people: boolean;
  /** In a policy: the name of its client at the issuer, where that is not its subject. */
  readonly client?: string;
}

/** A named set of people and of other groups. */
export interface Group {
  readonly id: string;
  /**
   * Who else says who is in it: `scim:NAME`, or `claims:` with the issuer whose tokens do. Absent for a group whose
   * members the file names, and in a directory as it was read for those of provisioning.
   */
  readonly authority?: string;
  /** Of a provisioned group, in a policy: which one it is, by the id that its provider has for it. */
  readonly external_id?: string;
  /** Of a group from claims, in a policy: the value that tokens carry for it. */
  readonly claim?: string;
  /** Of a group from claims, in a policy: how long after a token was issued its word counts. */
  readonly maximum_age_ms?: number;
  readonly members: readonly string[];
  readonly groups: readonly string[];
}

/** People, agents and groups as one snapshot. */
export interface Directory {
  readonly people: readonly Person[];
  readonly agents: readonly Agent[];
  readonly groups: readonly Group[];
}

/** The person behind an account, or undefined when the directory does not know the account. */
export function personOf(directory: Directory, identity: Identity): Person | undefined {
  return lookupOf(directory).byAccount.get(identityKey(identity));
}

/** The person whose account it is, or was by a link: who signs in with it is `personOf`. */
export function personBehind(directory: Directory, identity: Identity): Person | undefined {
  return personOf(directory, identity) ?? lookupOf(directory).byFormer.get(identityKey(identity));
}

/** All accounts that ever counted as this person's, as far as a directory knows. */
export function everyAccount({
  accounts,
  former_accounts: former = [],
}: Pick<Person, 'accounts' | 'former_accounts'>): readonly Identity[] {
  return [...accounts, ...former];
}

/** The agent with this account, or undefined. */
export function agentOf(directory: Directory, identity: Identity): Agent | undefined {
  return directory.agents.find((agent) => isSameIdentity(agent, identity));
}

interface Lookup {
  readonly byId: ReadonlyMap<string, Person>;
  readonly byAccount: ReadonlyMap<string, Person>;
  readonly byFormer: ReadonlyMap<string, Person>;
}

/** Somebody is looked up for every request that waits, in directories that may be large. A directory never changes. */
const lookupOf = oncePer(({ people }: Directory): Lookup => {
  // Where two have the same id or account, the first one is found: a map keeps what is set last.
  const backwards = people.toReversed();
  const byKey = (accountsOf: (person: Person) => readonly Identity[]): ReadonlyMap<string, Person> =>
    new Map(
      backwards.flatMap((person) =>
        accountsOf(person).map((account) => [identityKey(account), person] as const),
      ),
    );
  return {
    byId: new Map(backwards.map((person) => [person.id, person])),
    byAccount: byKey(({ accounts }) => accounts),
    byFormer: byKey(({ former_accounts: former = [] }) => former),
  };
});

/**
 * The agents that get tokens as a client of an issuer: by the client that policy names, or by their subject. An issuer may
 * call the account of a client after it.
 */
export function agentsOfClient(
  agents: readonly Agent[],
  { issuer, client }: { readonly issuer: string; readonly client: string },
): readonly Agent[] {
  return byClient(agents).get(clientKey(issuer, client)) ?? [];
}

/** Asked in every call, of policies that may know many agents. */
const byClient = oncePer((agents: readonly Agent[]): ReadonlyMap<string, readonly Agent[]> => {
  const found = new Map<string, readonly Agent[]>();
  for (const agent of agents) {
    const names = [agent.client, agent.subject].filter((name) => name !== undefined);
    for (const key of new Set(names.map((name) => clientKey(agent.issuer, name))))
      found.set(key, [...(found.get(key) ?? []), agent]);
  }
  return found;
});

function clientKey(issuer: string, client: string): string {
  // `x@clients` is the account of client x.
  return identityKey({ issuer, subject: client.replace(/@clients$/, '') });
}

/** The person with this id, or undefined. */
export function personById(directory: Directory, id: string): Person | undefined {
  return lookupOf(directory).byId.get(id);
}

/** How the authority of a group is called whose members are seen in the tokens of an issuer. */
export function claimsAuthority(issuer: string): string {
  return `${CLAIMS}${issuer}`;
}

const CLAIMS = 'claims:';

/** True when tokens say who is in the group, or in one that is nested in it: then nobody knows all who are. */
export function isSeenInClaims(directory: Directory, groupId: string): boolean {
  return groupsWithin(directory, groupId).some(({ authority }) => authority?.startsWith(CLAIMS));
}

/** True when another authority than the file says who is in the group, or in one that is nested in it. */
export function isBroughtByOthers(directory: Directory, groupId: string): boolean {
  return groupsWithin(directory, groupId).some(({ authority }) => authority !== undefined);
}

/** Asked of everybody where it matters who could decide. */
const membersByGroup = oncePer<Directory, Map<string, ReadonlySet<string>>>(() => new Map());

/** Ids of all people in a group, nested groups included; a cycle of groups ends where it closes. */
export function membersOf(directory: Directory, groupId: string): ReadonlySet<string> {
  const find = () => new Set(groupsWithin(directory, groupId).flatMap((group) => group.members));
  return remembered(membersByGroup(directory), groupId, find);
}

/** The group and all that are nested in it, each once. */
function groupsWithin(directory: Directory, groupId: string): readonly Group[] {
  const found: Group[] = [];
  const visited = new Set<string>();
  const open = [groupId];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (visited.has(id)) continue;
    visited.add(id);
    const group = directory.groups.find((candidate) => candidate.id === id);
    if (group) found.push(group);
    open.push(...(group?.groups ?? []));
  }
  return found;
}

/** Asked for at every evaluation, of few people, in directories that may be large. A directory never changes. */
const groupsByPerson = oncePer<Directory, Map<string, readonly string[]>>(() => new Map());

/** Ids of all groups that a person is in, by nested groups too, in the order of the directory. */
export function groupsOf(directory: Directory, person: string): readonly string[] {
  return remembered(groupsByPerson(directory), person, () => findGroups(directory, person));
}

function findGroups({ groups }: Directory, person: string): readonly string[] {
  const found = new Set(groups.filter(({ members }) => members.includes(person)).map(({ id }) => id));
  let before = -1;
  while (found.size > before) {
    before = found.size;
    for (const group of groups) if (group.groups.some((inner) => found.has(inner))) found.add(group.id);
  }
  return groups.map(({ id }) => id).filter((id) => found.has(id));
}

/**
 * True when the directory knows the requester, has lost nobody of the lineage whom it knew `before`, and everybody whom
 * it knows of it is active: people, agents, and the owners who answer for those agents.
 */
export function isLineageActive(directory: Directory, lineage: Lineage, before = directory): boolean {
  return lineage.every((member) => {
    const [agent, person] = [agentOf(directory, member), personOf(directory, member)];
    if ((!agent && agentOf(before, member)) || (!person && personOf(before, member))) return false;
    // Nobody answers for an agent whose owner is gone.
    if (agent && personById(directory, agent.owner)?.active !== true) return false;
    const known = [agent, person].filter((entry) => entry !== undefined);
    return known.length === 0 ? member.role !== 'requester' : known.every((entry) => entry.active);
  });
}

/**
 * The agent that asks, or whose client holds the token of the person who asks; undefined where no agent is behind a request.
 * What the caller declares of itself names none.
 */
export function requestingAgent(directory: Directory, lineage: Lineage): Agent | undefined {
  const requesters = provenOf(lineage).filter(({ role }) => role === 'requester' || role === 'trigger');
  return requesters.map((member) => agentOf(directory, member)).find((agent) => agent !== undefined);
}

/**
 * Id of the person who answers for a request, for counting and for budgets: the owner of the agent that asks, else the
 * person who asks; undefined where the account answers alone. Two agents of one owner have one.
 */
export function answeringPerson(directory: Directory, lineage: Lineage): string | undefined {
  const [requester] = lineage;
  return requestingAgent(directory, lineage)?.owner ?? (requester && personBehind(directory, requester)?.id);
}

/** Who answers for a request, as one text. */
export function lineageRoot(directory: Directory, lineage: Lineage): string {
  const [requester] = lineage;
  if (!requester) return '';
  const person = answeringPerson(directory, lineage);
  return person === undefined ? `account:${identityKey(requester)}` : `person:${person}`;
}

/** The members of whom a token or the directory says that they are behind a request, and not the caller alone. */
export function provenOf(lineage: Lineage): Lineage {
  return lineage.filter((member) => member.is_declared !== true);
}

/** Ids of the people behind some accounts, also those that a person linked once, owners of agents included, sorted. */
export function peopleBehind(directory: Directory, accounts: readonly Identity[]): readonly string[] {
  const ids = accounts.flatMap((member) => [
    personBehind(directory, member)?.id,
    agentOf(directory, member)?.owner,
  ]);
  return [...new Set(ids.filter((id) => id !== undefined))].sort();
}
