import {
  requestingAgent,
  groupsOf,
  peopleBehind,
  personOf,
  provenOf,
  type Agent,
  type Directory,
} from '../identity/directory.ts';
import { FLAG, record, TEXT, TEXTS, words } from '../conditions/fact-type.ts';
import type { Lineage } from '../identity/identity.ts';
import { REQUEST_MODES, type RequestMode } from '../request/status.ts';

/**
 * Who asks, and how. Only whom a token or the directory names is in these facts; what the caller declares of itself is a
 * fact of its own.
 */
export interface RequestFacts {
  readonly mode: RequestMode;
  readonly break_glass: boolean;
  /** Id of the agent that asks, or whose client holds the token of the person who asks; or empty. */
  readonly agent: string;
  /** Ids of the people behind the request: owner, the person acted for, trigger, the requester. */
  readonly chain: readonly string[];
  /** Id of the person that the requester acts for, or empty. Absent when that is nobody or several of the directory. */
  readonly on_behalf_of?: string;
  /** The same of whom only the caller names. */
  readonly declared_on_behalf_of?: string;
  /** Id of the person who answers for the agent, or empty. */
  readonly owner?: string;
  /** Ids of the groups that anybody in the chain is in, nested ones included. */
  readonly groups?: readonly string[];
  /**
   * What would be said of whom only the caller names, were that proven. No condition reads it as such: see `declaredViews`.
   * Absent where nobody is named so; without the agent where that would be the same one.
   */
  readonly with_declared?: Pick<RequestFacts, 'chain' | 'on_behalf_of' | 'groups'> &
    Partial<Pick<RequestFacts, 'agent' | 'owner'>>;
}

/** The type of the variable `request`. */
export const REQUEST_TYPE = record({
  mode: words(...REQUEST_MODES),
  break_glass: FLAG,
  agent: TEXT,
  chain: TEXTS,
  on_behalf_of: TEXT,
  declared_on_behalf_of: TEXT,
  owner: TEXT,
  groups: TEXTS,
});

/** The fact that only the caller vouches for, as conditions name it. */
export const DECLARED_FACT = 'declared_on_behalf_of';

/** Who stands behind a request, by the ids of the directory. */
export function requestFacts(
  directory: Directory,
  submission: { readonly mode: RequestMode; readonly lineage: Lineage; readonly break_glass: boolean },
): RequestFacts {
  // Who made an API key need not be who asks with it: policy is as strict as if, and no laxer than if not.
  const proven = provenOf(submission.lineage).filter(({ role }) => role !== 'key_maker');
  const named = submission.lineage.filter((member) => !proven.includes(member));
  const agent = requestingAgent(directory, proven);
  const chain = peopleBehind(directory, proven);
  const actedFor = actedForBy(directory, proven);
  const declared = actedForBy(directory, named);
  return {
    mode: submission.mode,
    break_glass: submission.break_glass,
    agent: agent?.id ?? '',
    chain,
    ...(actedFor === null ? {} : { on_behalf_of: actedFor }),
    ...(declared === null ? {} : { declared_on_behalf_of: declared }),
    owner: agent?.owner ?? '',
    groups: groupsOfAll(directory, chain),
    ...(named.length === 0
      ? {}
      : {
          with_declared: asIfProven(directory, submission.lineage, {
            actedFor: declared === '' ? actedFor : declared,
            agent,
          }),
        }),
  };
}

function asIfProven(
  directory: Directory,
  lineage: Lineage,
  { actedFor, agent }: { readonly actedFor: string | null; readonly agent: Agent | undefined },
): RequestFacts['with_declared'] & {} {
  const chain = peopleBehind(directory, lineage);
  const requesting = requestingAgent(
    directory,
    lineage.map(({ is_declared: _word, ...member }) => member),
  );
  const asks =
    requesting === undefined || requesting.id === agent?.id
      ? {}
      : { agent: requesting.id, owner: requesting.owner };
  const named = actedFor === null ? {} : { on_behalf_of: actedFor };
  return { chain, ...named, groups: groupsOfAll(directory, chain), ...asks };
}

function groupsOfAll(directory: Directory, people: readonly string[]): readonly string[] {
  return [...new Set(people.flatMap((person) => groupsOf(directory, person)))].sort();
}

/** Null when it cannot be told: a condition that asks must not take somebody for nobody. */
function actedForBy(directory: Directory, lineage: Lineage): string | null {
  const members = lineage.filter(({ role }) => role === 'on_behalf_of');
  const people = new Set(members.map((member) => personOf(directory, member)?.id ?? null));
  const [person = ''] = people;
  return people.size > 1 ? null : person;
}
