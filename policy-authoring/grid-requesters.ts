import type { Agent } from '../domain/identity/directory.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import { requestFacts, type RequestFacts } from '../domain/policy/request-facts.ts';
import { REQUESTER_PATH, type Axis } from './grid-cells.ts';

/** What a policy's own directory says about the requester. */
type Asker = Pick<RequestFacts, 'agent' | 'chain' | 'owner' | 'groups'>;

/** An agent that the directories of two policies see differently. */
export interface ChangedRequester {
  /** Its id, for people. */
  readonly name: string;
  readonly base: Asker;
  readonly candidate: Asker;
}

/** More agents would multiply the grid; they are alike. */
const REQUESTERS_MAX = 8;

/** The agents whose id, owner, groups of the owner, or existence change: for them the same request has other facts under each policy. */
export function changedRequesters(base: PolicySet, candidate: PolicySet): readonly ChangedRequester[] {
  const agents = new Map<string, Agent>();
  for (const agent of [...candidate.directory.agents, ...base.directory.agents])
    agents.set(JSON.stringify([agent.issuer, agent.subject]), agent);
  const changed = [...agents.values()].flatMap((agent) => {
    const pair = { base: askerOf(base, agent), candidate: askerOf(candidate, agent) };
    return JSON.stringify(pair.base) === JSON.stringify(pair.candidate) ? [] : [{ name: agent.id, ...pair }];
  });
  return changed.slice(0, REQUESTERS_MAX);
}

function askerOf({ directory }: PolicySet, { issuer, subject }: Agent): Asker {
  const lineage = [{ role: 'requester' as const, issuer, subject }];
  const facts = requestFacts(directory, { mode: 'execute', lineage, break_glass: false });
  const { agent, chain, owner = '', groups = [] } = facts;
  return { agent, chain, owner, groups };
}

const REQUESTER_FACTS = ['request.agent', 'request.chain', 'request.owner', 'request.groups'] as const;

/** The axis of those agents, if conditions read the requester; null if they do not, or no agent changes. */
export function requesterAxis(
  requesters: readonly ChangedRequester[],
  paths: readonly string[],
): Axis | null {
  const isRead = paths.some((path) => REQUESTER_FACTS.some((fact) => path.startsWith(fact)));
  if (!isRead || requesters.length === 0) return null;
  return { path: REQUESTER_PATH, values: [undefined, ...requesters.map(({ name }) => name)] };
}
