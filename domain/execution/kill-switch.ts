import { isNamed } from '../approval/seats.ts';
import { personOf, type Directory } from '../identity/directory.ts';
import { isSameIdentity, type Identity, type Lineage } from '../identity/identity.ts';
import { isOwnAction, type PolicySet } from '../policy/policy.ts';

/** What a kill switch stops: one agent, one action, one target, or everything. */
export const SWITCH_SCOPE_KINDS = ['agent', 'action', 'target', 'all'] as const;

/** A kind of scope. */
export type SwitchScopeKind = (typeof SWITCH_SCOPE_KINDS)[number];

/**
 * What a switch stops. `value` is the action, the target, or the agent, by its id in the directory or as an account
 * (`ISSUER SUBJECT`, one space between); null for everything.
 */
export interface SwitchScope {
  readonly kind: SwitchScopeKind;
  readonly value: string | null;
}

/** A switch that somebody threw. While it is on, nothing in its scope is planned, approved or performed. */
export interface KillSwitch {
  readonly id: string;
  readonly scope: SwitchScope;
  /** The account of the agent when the switch was thrown: it stays stopped when the directory gives it another id. */
  readonly account: Identity | null;
  readonly reason: string;
  /** The person, by id. */
  readonly thrown_by: string;
  /** RFC 3339 UTC. */
  readonly thrown_at: string;
  /** Null while it is on. */
  readonly lifted_at: string | null;
}

/** One person's word that a switch may be lifted. */
export interface SwitchLift {
  readonly person: string;
  /** RFC 3339 UTC. */
  readonly at: string;
}

/** This many different people lift a switch; one throws it. */
export const LIFTS_NEEDED = 2;

/** What a switch may stop, as far as switches look at it. */
export interface SwitchSubject {
  readonly action: string;
  readonly target: string;
  readonly lineage: Lineage;
  /** Agents of the directory now: those of the lineage are stopped by their ids, too. */
  readonly agents: readonly (Identity & { readonly id: string })[];
}

/**
 * The switches that are on and stop this, in the order given. Empty: none does. Actions on Keyturn itself are stopped by
 * none: a floor in code that no policy moves.
 */
export function switchesAgainst<One extends Engaged>(
  switches: readonly One[],
  subject: SwitchSubject,
): readonly One[] {
  if (isOwnAction(subject.action)) return [];
  return switches.filter((engaged) => engaged.lifted_at === null && isInScope(engaged, subject));
}

type Engaged = Pick<KillSwitch, 'scope' | 'account' | 'lifted_at'>;

function isInScope({ scope, account }: Engaged, subject: SwitchSubject): boolean {
  switch (scope.kind) {
    case 'all':
      return true;
    case 'action':
      return scope.value === subject.action;
    case 'target':
      return scope.value === subject.target;
    case 'agent':
      return subject.lineage.some(
        (member) =>
          (account !== null && isSameIdentity(account, member)) ||
          accountName(member) === scope.value ||
          subject.agents.some((agent) => agent.id === scope.value && isSameIdentity(agent, member)),
      );
  }
}

/** An account as scopes name it. */
export function accountName({ issuer, subject }: Identity): string {
  return `${issuer} ${subject}`;
}

/**
 * The account that the scope of an agent means: that of the agent with this id, or the one that it spells out. Null when
 * it is neither: a switch on something that is not there would stop nothing, and be believed.
 */
export function accountOf(agents: SwitchSubject['agents'], value: string): Identity | null {
  const agent = agents.find((known) => known.id === value);
  if (agent) return { issuer: agent.issuer, subject: agent.subject };
  const space = value.indexOf(' ');
  const [issuer, subject] = [value.slice(0, space), value.slice(space + 1)];
  return space > 0 && subject !== '' && /^https?:\/\//.test(issuer) ? { issuer, subject } : null;
}

/**
 * Ids of the people whom a switch on an agent or an account stops: its person, or the owner who answers for the agent. They
 * do not lift it. What a switch on an action, a target or everything stops is nobody's own.
 */
export function peopleStopped({ scope, account }: KillSwitch, directory: Directory): readonly string[] {
  if (scope.kind !== 'agent') return [];
  const named = directory.agents.filter(
    (agent) =>
      agent.id === scope.value ||
      accountName(agent) === scope.value ||
      (account !== null && isSameIdentity(agent, account)),
  );
  const person = account && personOf(directory, account);
  return [...named.map(({ owner }) => owner), ...(person ? [person.id] : [])];
}

/** True for an active person among the operators that the policy names. A policy that names none has none. */
export function isOperator(operators: PolicySet['operators'], directory: Directory, person: string): boolean {
  return isNamed(operators, directory, person);
}

/** Everybody who may throw a switch, and lift one together with another of them. Ids of active people, sorted. */
export function operatorsOf(operators: PolicySet['operators'], directory: Directory): readonly string[] {
  const ids = directory.people.map((person) => person.id);
  return ids.filter((id) => isOperator(operators, directory, id)).sort();
}
