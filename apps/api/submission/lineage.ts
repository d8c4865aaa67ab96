import {
  agentOf,
  agentsOfClient,
  personById,
  personOf,
  type Agent,
  type Directory,
} from '../../../domain/identity/directory.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import {
  identityKey,
  isSameIdentity,
  OWN_ISSUER,
  type Lineage,
  type LineageMember,
  type LineageRole,
} from '../../../domain/identity/identity.ts';
import type { CreateBody } from '../../../contract/requests.ts';
import { refuseUnknown, type Caller } from '../auth/caller.ts';

/** Members of a call. Editors come on top: no caller chooses how many those are. */
const MEMBERS_MAX = 16;

/**
 * Everybody behind a call: the requester, whom the token and the body name, and the owner of the agent. Members whom only
 * the body names are marked as declared: they may not approve, and meet no condition of policy, so an agent gains nothing
 * by declaring more members.
 */
export function lineageOf(caller: Caller, body: Pick<CreateBody, 'on_behalf_of'>): Lineage {
  refuseUnknown(caller);
  refuseInactive(caller);
  const { identity, behind, key } = caller.principal;
  const { issuer = identity.issuer, subject } = body.on_behalf_of ?? {};
  if (key && subject !== undefined && issuer === OWN_ISSUER)
    throw new KeyturnError(
      'invalid_request',
      'Nobody signs in at the issuer of API keys: name the issuer of the person in on_behalf_of.',
    );
  const declared: readonly LineageMember[] =
    subject === undefined ? [] : [{ issuer, subject, role: 'on_behalf_of', is_declared: true }];
  const clients = clientsOf(caller);
  const agents = [...(caller.agent ? [{ agent: caller.agent }] : []), ...clients];
  const owners = agents.flatMap((named) => ownerOf(caller.directory, named));
  const others = [...behind, ...declared, ...clients.map(triggerOf), ...owners, ...keyMakerOf(caller)];
  const members = unique([{ ...identity, role: 'requester' }, ...others]);
  if (members.length > MEMBERS_MAX) {
    throw new KeyturnError(
      'invalid_request',
      `More than ${MEMBERS_MAX} identities stand behind this request.`,
    );
  }
  refuseForNobody(agents, caller.directory, members);
  return members;
}

function refuseInactive({ agent, person }: Caller): void {
  if (agent?.active === false || person?.active === false) {
    throw new KeyturnError('requester_inactive', 'This account is deactivated and cannot make requests.');
  }
}

/** An agent behind a call. */
interface NamedAgent extends Pick<LineageMember, 'is_declared'> {
  readonly agent: Agent;
}

/**
 * A client that is an agent of the directory is behind every call with its token, also one for another subject; and so is an
 * agent that a chain of actors names by its client.
 */
function clientsOf({ principal, directory, policy }: Caller): readonly NamedAgent[] {
  const { identity, behind, clients } = principal;
  const actors = behind.filter(({ role }) => role === 'trigger');
  const named = [
    ...clients.map((client) => ({ issuer: identity.issuer, client, isDeclared: false })),
    // A member named through another one is proven no better than that one.
    ...actors.map(({ issuer, subject, is_declared }) => ({
      issuer,
      client: subject,
      isDeclared: is_declared,
    })),
  ];
  return named.flatMap(({ issuer, client, isDeclared }) =>
    agentsOfClient(policy.policy.directory.agents, { issuer, client })
      .flatMap((agent) => agentOf(directory, agent) ?? [])
      .map((agent) => ({ agent, ...(isDeclared ? { is_declared: true as const } : {}) })),
  );
}

function triggerOf({ agent: { issuer, subject }, ...declared }: NamedAgent): LineageMember {
  return { issuer, subject, role: 'trigger', ...declared };
}

/** The first account stands for the owner; the others count as own through the person. */
function ownerOf(directory: Directory, { agent, ...declared }: NamedAgent): readonly LineageMember[] {
  const owner = personById(directory, agent.owner);
  const [account] = owner?.accounts ?? [];
  return account ? [{ issuer: account.issuer, subject: account.subject, role: 'owner', ...declared }] : [];
}

/** Who made the key knows it, and so could ask with it: also an operator, and who owned the agent then. */
function keyMakerOf({ principal: { key }, agent, directory }: Caller): readonly LineageMember[] {
  if (!key || key.created_by === agent?.owner) return [];
  const [account] = personById(directory, key.created_by)?.accounts ?? [];
  if (account) return [{ issuer: account.issuer, subject: account.subject, role: 'key_maker' }];
  throw new KeyturnError(
    'requester_inactive',
    'Who made this API key has no account any more: ask the owner of the agent for another key.',
  );
}

/**
 * An agent that acts for people, also with a token that it got as a client, must name a person of the directory: an invented
 * name restricts nobody.
 */
function refuseForNobody(agents: readonly NamedAgent[], directory: Directory, lineage: Lineage): void {
  if (!agents.some(({ agent }) => agent.acts_for_people) || namesPerson(directory, lineage)) return;
  throw new KeyturnError('acts_for_nobody', 'This agent acts for people: name the person in on_behalf_of.');
}

/** The account of an agent names no person, even if it is linked to one. */
function namesPerson(directory: Directory, lineage: Lineage): boolean {
  return lineage.some(
    (member) => NAMING.has(member.role) && !agentOf(directory, member) && personOf(directory, member),
  );
}

const NAMING: ReadonlySet<LineageRole> = new Set(['requester', 'on_behalf_of', 'trigger']);

/** Each member once in each role, and the requester in no other. */
export function unique(members: readonly LineageMember[]): Lineage {
  const [requester, ...others] = members;
  if (!requester) return [];
  const seen = new Set<string>();
  const rest = others.filter((member) => {
    const key = `${member.role} ${identityKey(member)}`;
    if (isSameIdentity(member, requester) || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  return [requester, ...rest];
}
