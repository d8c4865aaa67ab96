import {
  agentOf,
  agentsOfClient,
  personById,
  personOf,
  type Agent,
  type Directory,
} from '../../../domain/directory.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { identityKey, isSameIdentity, type Lineage, type LineageMember } from '../../../domain/identity.ts';
import type { CreateBody } from '../../../domain/wire.ts';
import { refuseUnknown, type Caller } from '../auth/caller.ts';

const MEMBERS_MAX = 16;

/**
 * Everybody behind a request: who asks, whom the token and the body name, the owner of the agent, and who wrote what is
 * asked for. Members only take
 * away who may approve, so an agent may declare more of them, never fewer.
 */
export function lineageOf(
  caller: Caller,
  body: Pick<CreateBody, 'on_behalf_of'>,
  editors: readonly LineageMember[] = [],
): Lineage {
  refuseUnknown(caller);
  refuseInactive(caller);
  const { identity, behind } = caller.principal;
  const declared: readonly LineageMember[] = body.on_behalf_of
    ? [{ issuer: identity.issuer, ...definedOnly(body.on_behalf_of), role: 'on_behalf_of' }]
    : [];
  const clients = clientsOf(caller);
  const owners = [caller.agent, ...clients].flatMap((agent) =>
    agent ? ownerOf(caller.directory, agent) : [],
  );
  const others = [...behind, ...declared, ...clients.map(triggerOf), ...owners, ...editors];
  const lineage = unique([{ ...identity, role: 'requester' }, ...others]);
  if (lineage.length > MEMBERS_MAX) {
    throw new KeyturnError(
      'invalid_request',
      `More than ${MEMBERS_MAX} identities stand behind this request.`,
    );
  }
  refuseForNobody(caller, lineage);
  return lineage;
}

function refuseInactive({ agent, person }: Caller): void {
  if (agent?.active === false || person?.active === false) {
    throw new KeyturnError('requester_inactive', 'This account is deactivated and cannot ask.');
  }
}

/**
 * A client that is an agent of the directory is behind what is made with its token, whoever that token speaks for; and so
 * is an agent that a chain of actors calls by its client.
 */
function clientsOf({ principal, directory, policy }: Caller): readonly Agent[] {
  const { identity, behind, clients } = principal;
  const actors = behind.filter(({ role }) => role === 'trigger');
  const named = [
    ...clients.map((client) => ({ issuer: identity.issuer, client })),
    ...actors.map(({ issuer, subject }) => ({ issuer, client: subject })),
  ];
  const agents = named.flatMap((one) => agentsOfClient(policy.policy.directory.agents, one));
  return agents.flatMap((agent) => agentOf(directory, agent) ?? []);
}

function triggerOf({ issuer, subject }: Agent): LineageMember {
  return { issuer, subject, role: 'trigger' };
}

/** The first account stands for the owner; the others count as own through the person. */
function ownerOf(directory: Directory, agent: Agent): readonly LineageMember[] {
  const owner = personById(directory, agent.owner);
  const [account] = owner?.accounts ?? [];
  return account ? [{ issuer: account.issuer, subject: account.subject, role: 'owner' }] : [];
}

/** An agent that acts for people must name one that the directory knows: an invented name restricts nobody. */
function refuseForNobody({ agent, directory }: Caller, lineage: Lineage): void {
  if (!agent?.acts_for_people || namesPerson(directory, lineage)) return;
  throw new KeyturnError(
    'acts_for_nobody',
    'This agent acts for people: name the person it acts for (on_behalf_of).',
  );
}

function namesPerson(directory: Directory, lineage: Lineage): boolean {
  return lineage.some(
    (member) => (member.role === 'on_behalf_of' || member.role === 'trigger') && personOf(directory, member),
  );
}

function unique(members: readonly LineageMember[]): Lineage {
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

function definedOnly(named: { issuer?: string | undefined; subject: string }): {
  issuer?: string;
  subject: string;
} {
  return named.issuer === undefined
    ? { subject: named.subject }
    : { issuer: named.issuer, subject: named.subject };
}
