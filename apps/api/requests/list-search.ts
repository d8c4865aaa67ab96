import type { ListSearch } from '../../../database/request-list.ts';
import { everyAccount } from '../../../domain/identity/directory.ts';
import { isSameIdentity, type Identity } from '../../../domain/identity/identity.ts';
import { OWN_ACTIONS, ownTarget } from '../../../domain/policy/policy.ts';
import type { RequestSummary } from '../../../contract/requests.ts';
import { isReviewer, type Caller } from '../auth/caller.ts';
import { isAuditReader } from '../auth/operator.ts';

/** A search looks at many requests: reading so many rows costs as much. */
export const ROWS_OF_A_SEARCH = 200;

const ACCOUNTS_MAX = 100;

/**
 * What a text finds in the list of requests: names of the active policy and of the directory that have it, which indexes
 * then find, and summaries where the caller sees them. Null for no text.
 */
export function listSearch(caller: Caller, q = ''): ListSearch | null {
  const text = q.trim();
  if (text === '') return null;
  const wanted = text.toLowerCase();
  const has = (name: string): boolean => name.toLowerCase().includes(wanted);
  const { policy } = caller.policy;
  const targets = [...policy.targets, ownTarget(policy)];
  // Also what is no longer in the policy, by its whole name.
  const named = (names: readonly string[]): string[] => [...new Set([...names.filter(has), text])];
  return {
    id: text,
    actions: named([...policy.actions, ...OWN_ACTIONS].map(({ action }) => action)),
    targets: named(targets.map(({ id }) => id)),
    environments: named(targets.map(({ environment }) => environment)),
    accounts: isReviewer(caller) ? accountsWith(caller, has).slice(0, ACCOUNTS_MAX) : [],
    summary: summarySearch(caller, text),
  };
}

function accountsWith({ directory }: Caller, has: (name: string) => boolean): readonly Identity[] {
  const isFound = ({ id, name }: { readonly id: string; readonly name: string }): boolean =>
    has(id) || has(name);
  return [
    ...directory.agents.filter((agent) => isFound(agent) || has(agent.subject)),
    ...directory.people.flatMap((person) =>
      isFound(person) ? everyAccount(person) : everyAccount(person).filter(({ subject }) => has(subject)),
    ),
  ];
}

/** Operators and auditors see the summaries of nearly all requests. */
function summarySearch(caller: Caller, text: string): ListSearch['summary'] {
  const { person } = caller;
  return person !== null && isReviewer(caller) && isAuditReader(caller, person.id) ? text : null;
}

/** True for what is found by more than a summary that is withheld from the reader: of their own requests operators see none. */
export function isFoundIn(search: ListSearch, item: RequestSummary): boolean {
  const { summary, accounts } = search;
  return (
    item.id === search.id ||
    search.actions.includes(item.action) ||
    search.targets.includes(item.target) ||
    search.environments.includes(item.environment) ||
    item.lineage.some((member) => accounts.some((account) => isSameIdentity(account, member))) ||
    (summary !== null && (item.summary ?? '').toLowerCase().includes(summary.toLowerCase()))
  );
}
