import { LIFTS_NEEDED } from '../domain/execution/kill-switch.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import { publishersOf } from './warnings/people.ts';
import { Reviewers } from '../domain/approval/reviewers.ts';
import { quote } from '../domain/conditions/did-you-mean.ts';

/**
 * Why too few people could sign in under this policy to release a kill switch, or to publish another policy; null if there are
 * enough, or if the file does not list them. `issuers` are those at which people sign in.
 */
export function operatorLockout(policy: PolicySet, issuers: readonly string[]): string | null {
  const reviewers = new Reviewers(policy);
  const named = (policy.operators ?? []).map((selector) => reviewers.peopleOf(selector));
  if (named.length === 0 || named.includes(null)) return null;
  const operators = new Set(named.flatMap((people) => [...(people ?? [])]));
  const lifting = { who: 'its operators', needed: 'to lift a kill switch or to publish again' };
  const publishing = {
    who: 'the people who may agree to a publication, all conditions on reviewers taken into account,',
    needed: 'to publish a policy that loosens',
  };
  const found = shortage(policy, issuers, { ...lifting, people: operators });
  const publishers = found === null ? publishersOf(policy, reviewers) : null;
  return publishers ? shortage(policy, issuers, { ...publishing, people: publishers }) : found;
}

interface Needed {
  readonly people: ReadonlySet<string>;
  readonly who: string;
  readonly needed: string;
}

function shortage(policy: PolicySet, issuers: readonly string[], needed: Needed): string | null {
  const people = policy.directory.people.filter(({ id }) => needed.people.has(id));
  const able = people.filter(({ accounts }) => accounts.some(({ issuer }) => issuers.includes(issuer)));
  if (able.length >= LIFTS_NEEDED) return null;
  const theirs = [...new Set(people.flatMap(({ accounts }) => accounts.map(({ issuer }) => issuer)))];
  return (
    `${able.length} of ${needed.who} could sign in, and ${LIFTS_NEEDED} are needed ${needed.needed}: ` +
    `their accounts are at ${list(theirs)}, and people sign in at ${list(issuers)}. Where directory.yaml takes an ` +
    'issuer from the environment, set that for the command which publishes as it is set for the API.'
  );
}

const LISTED_MAX = 5;

function list(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length > LISTED_MAX ? [`${names.length - LISTED_MAX} more`] : [];
  return [...names.slice(0, LISTED_MAX).map(quote), ...more].join(', ');
}
