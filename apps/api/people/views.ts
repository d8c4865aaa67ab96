import type { PersonFacts, PersonRow } from '../../../database/people.ts';
import { rulesNaming, targetsOwnedBy } from '../../../domain/approval/named-by.ts';
import { isNamed } from '../../../domain/approval/seats.ts';
import { ruleInWords } from '../../../domain/cards/rules.ts';
import type { Directory, Person } from '../../../domain/identity/directory.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import type { PersonLine, PersonView } from '../../../contract/people.ts';

/** A person as a list shows them. */
export function lineView(directory: Directory, person: Person, row: PersonRow | undefined): PersonLine {
  const { id, name, active } = person;
  const agents = directory.agents.filter(({ owner }) => owner === id);
  const standings = (row?.standings ?? []).map((one) => ({ ...one, since: sinceOf(one.since) }));
  return {
    id,
    name,
    is_active: active,
    standings,
    passkeys: row?.passkeys ?? 0,
    agents: agents.map((agent) => agent.id),
    warnings: warningsOf(person, { standings, agents }),
  };
}

interface Known {
  readonly standings: PersonLine['standings'];
  readonly agents: Directory['agents'];
}

function warningsOf({ active, accounts }: Person, { standings, agents }: Known): string[] {
  const denying = standings.filter(({ is_active: isActive }) => !isActive);
  const working = agents.filter((agent) => agent.active);
  return [
    ...(denying.length > 0 && denying.length < standings.length
      ? [
          `Not active by ${denying.map(({ authority }) => authority).join(' and ')}, active by the others: the person counts as not active.`,
        ]
      : []),
    ...(accounts.length === 0 ? ['No account: nobody can sign in as this person.'] : []),
    ...(!active && working.length > 0
      ? [
          `Not active, and answers for ${working.map(({ id }) => id).join(', ')}: what these agents ask for is refused.`,
        ]
      : []),
  ];
}

interface Seen {
  readonly policy: PolicySet;
  readonly directory: Directory;
  readonly person: Person;
  readonly paths: ReadonlyMap<string, readonly string[]>;
}

/** Everything that is known of a person, and why they may approve. */
export function personView(
  { policy, directory, person, paths }: Seen,
  { row, facts }: { readonly row: PersonRow | undefined; readonly facts: PersonFacts },
): PersonView {
  return {
    ...lineView(directory, person, row),
    accounts: facts.accounts.map((one) => ({ ...one, since: sinceOf(one.since) })),
    groups: membershipsOf(paths, facts),
    rules: rulesNaming(policy, directory, person.id).map(({ rule, by }) => {
      const { id, scope, when, source } = ruleInWords(rule);
      return { id, scope, when, source, by: [...by] };
    }),
    owns: [...targetsOwnedBy(policy, directory, person.id)],
    is_operator: isNamed(policy.operators, directory, person.id),
    is_auditor: isNamed(policy.auditors, directory, person.id),
    changes: facts.changes.map((one) => ({ ...one, at: instantOf(one.at) })),
  };
}

function membershipsOf(
  paths: Seen['paths'],
  { memberships, authorities }: PersonFacts,
): PersonView['groups'] {
  const direct = new Map(memberships.map((one) => [one.group, one]));
  return [...paths].flatMap(([id, through]) => {
    const first = direct.get(through[0] ?? '');
    if (!first) return [];
    const { since, seen_at: seenAt, counts_until: until } = first;
    return [
      {
        id,
        authority: authorities[id] ?? 'file',
        through: [...through],
        since: sinceOf(since),
        seen_at: seenAt === null ? null : instantOf(seenAt),
        counts_until: until === null ? null : instantOf(until),
      },
    ];
  });
}

/** PostgreSQL's JSON gives the offset of its session. */
function instantOf(text: string): string {
  return new Date(text).toISOString();
}

/** What was there before its database recorded changes is of no known age. */
function sinceOf(text: string | null): string | null {
  return text === null ? null : instantOf(text);
}
