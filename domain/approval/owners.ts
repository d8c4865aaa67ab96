import type { JsonValue } from '../crypto/canonical-json.ts';
import type { OwnerKey, OwnersResolver } from '../policy/fact-declarations.ts';
import { argumentOf, namesKnownTo, rowOf } from '../policy/fact-resolvers.ts';
import {
  actionOf,
  OWN_TARGET,
  targetOf,
  type ActionDefinition,
  type PolicySet,
  type Target,
} from '../policy/policy.ts';

/** A request, as far as its owners go. */
export interface OwnedRequest {
  readonly action: string;
  /** Id of the target. */
  readonly target: string;
  /** Null where the action did not look its owners up when the request was made. */
  readonly owner_key: OwnerKey | null;
}

/**
 * Whom `owners` means for a request under a policy, as selectors: the owners of the target or, where the action says so,
 * of what an argument names. Nobody, where the policy asks another argument than the one that was kept: then it cannot be
 * told who they are, and everybody else would be a guess.
 */
export function ownersOf(
  policy: PolicySet,
  { action, target, owner_key: key }: OwnedRequest,
): readonly string[] {
  const known = targetOf(policy, target);
  if (!known) return [];
  const resolver = actionOf(policy, action)?.owners;
  if (resolver === undefined) return known.owners;
  if (key?.of !== resolver.of) return [];
  const found = key.value === null ? undefined : lookUp(policy, resolver, key.value);
  return found ?? [resolver.otherwise];
}

/** The same where the arguments are at hand. */
export function ownersByArguments(
  policy: PolicySet,
  { action, target, args }: Omit<OwnedRequest, 'owner_key'> & { readonly args: Arguments },
): readonly string[] {
  return ownersOf(policy, { action, target, owner_key: ownerKeyOf(policy, { action, args }) });
}

type Arguments = Readonly<Record<string, JsonValue>>;

/** What the owners of a request are looked up by; null for an action that looks none up. */
export function ownerKeyOf(
  policy: PolicySet,
  { action, args }: { readonly action: string; readonly args: Arguments },
): OwnerKey | null {
  const resolver = actionOf(policy, action)?.owners;
  if (resolver === undefined) return null;
  const value = argumentOf(args, resolver.of);
  return { of: resolver.of, value: value !== undefined && isName(value) ? value : null };
}

/** Policy files hold no longer text. */
const NAME_LENGTH_MAX = 500;

/** What no policy file could say is no key of any table: it names nothing, and need not be kept. */
function isName(value: string): boolean {
  return value.length <= NAME_LENGTH_MAX && !/\p{Cc}|\p{Cf}|\p{Cs}|\p{Zl}|\p{Zp}/u.test(value);
}

function lookUp(policy: PolicySet, resolver: OwnersResolver, key: string): readonly string[] | undefined {
  switch (resolver.resolver) {
    case 'target':
      // Keyturn itself is none that an argument could mean.
      return key === OWN_TARGET ? undefined : targetOf(policy, key)?.owners;
    case 'table': {
      const row = rowOf(policy, resolver.table, key);
      // A column of selectors holds nothing else.
      return row && ((row[resolver.column] ?? []) as readonly string[]);
    }
  }
}

/** All whom `owners` may mean in requests for an action on these targets, each with the name of what has them. */
export function possibleOwners(
  policy: PolicySet,
  { owners: resolver }: Pick<ActionDefinition, 'owners'>,
  targets: readonly Target[],
): readonly { readonly name: string; readonly owners: readonly string[] }[] {
  if (targets.length === 0) return [];
  if (resolver === undefined) return targets.map(({ id, owners }) => ({ name: id, owners }));
  const known = namesKnownTo(resolver, policy).map((name) => ({
    name,
    owners: lookUp(policy, resolver, name) ?? [],
  }));
  return [...known, { name: 'otherwise', owners: [resolver.otherwise] }];
}
