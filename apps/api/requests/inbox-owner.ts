import type { InboxOwner, InboxSearch } from '../../../database/inbox.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { ownersOf } from '../../../domain/approval/owners.ts';
import { isSelected } from '../../../domain/approval/seats.ts';
import { everyAccount, membersOf, type Directory } from '../../../domain/identity/directory.ts';
import { identityKey } from '../../../domain/identity/identity.ts';
import { ownTarget } from '../../../domain/policy/policy.ts';
import { actingPersonOf, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { namedSelectors, scopeNow } from './visibility.ts';

/** Whose inbox it is. Refuses machines, and people whom the directory does not allow. */
export async function inboxOwner(context: Pick<ApiContext, 'source'>, caller: Caller): Promise<InboxOwner> {
  const person = actingPersonOf(caller);
  const {
    directory,
    policy: { policy },
  } = caller;
  const groups = directory.groups.filter((group) => membersOf(directory, group.id).has(person.id));
  const own = [`user:${person.id}`, ...groups.map((group) => `group:${group.id}`)];
  const at = new Date();
  const now = await scopeNow(context, caller, { owners: [], at, duty_at: at.toISOString() });
  const { rotations, polled_rotations: kept = [] } = policy;
  const onCall = [...rotations, ...kept].map(({ id }) => `oncall:${id}` as const);
  const held = (scope: typeof now) => onCall.filter((selector) => isSelected(scope, selector, person.id));
  // Everybody in a rotation counts as named, on call or not: their turn may come.
  const names = [...own, ...held({ ...now, duty_at: null })];
  const isOwned = ({ owners }: { readonly owners: readonly string[] }) =>
    owners.some((owner) => names.includes(owner));
  return {
    selectors: [...own, ...held(now)],
    names,
    targets: [...policy.targets, ownTarget(policy)].filter(isOwned).map(({ id }) => id),
    actions: policy.actions.filter(({ owners }) => owners !== undefined).map(({ action }) => action),
    accounts: [...everyAccount(person), ...directory.agents.filter(({ owner }) => owner === person.id)],
  };
}

/** True when a stage of the request names the owner of the inbox, open or not. */
export function isNamedIn(caller: Caller, { names }: InboxOwner, row: RequestRow): boolean {
  const named = namedSelectors(caller, row).flatMap((selector) =>
    selector === 'owners' ? ownersOf(caller.policy.policy, row) : [selector],
  );
  return named.some((selector) => names.includes(selector));
}

/** What a text finds: also accounts by the names that people see for them. Null for no text. */
export function searchFor(directory: Directory, q: string): InboxSearch | null {
  const text = q.trim();
  if (text === '') return null;
  const wanted = text.toLowerCase();
  const isFound = ({ name }: { readonly name: string }) => name.toLowerCase().includes(wanted);
  const { agents, people } = directory;
  // The account of an agent is shown with the agent's name, also where a person has it as well.
  const ofAgents = new Set(agents.map(identityKey));
  const accounts = people.filter(isFound).flatMap(everyAccount);
  return {
    text,
    accounts: [
      ...agents.filter(isFound),
      ...accounts.filter((account) => !ofAgents.has(identityKey(account))),
    ],
  };
}
