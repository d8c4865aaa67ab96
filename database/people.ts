import type { EntityManager } from 'typeorm';

import { firstRow, rows } from './rows.ts';

/** What one authority says of a person, and since when. */
export interface StandingRow {
  readonly person: string;
  readonly authority: string;
  readonly name: string;
  readonly is_active: boolean;
  readonly since: string | null;
}

/** What a list shows of each person beside the directory itself. */
export interface PersonRow {
  readonly id: string;
  readonly standings: readonly Omit<StandingRow, 'person'>[];
  readonly passkeys: number;
}

/** What is kept about one person. Instants are text of PostgreSQL's JSON. */
export interface PersonFacts {
  readonly accounts: readonly {
    readonly issuer: string;
    readonly subject: string;
    readonly authority: string;
    readonly since: string | null;
  }[];
  readonly memberships: readonly {
    readonly group: string;
    readonly since: string | null;
    readonly seen_at: string | null;
    readonly counts_until: string | null;
  }[];
  readonly authorities: Readonly<Record<string, string>>;
  readonly changes: readonly PersonChange[];
}

/** One change of a fact, and the entry of the audit log that recorded it. */
export interface PersonChange {
  readonly at: string;
  readonly what: 'standing' | 'account' | 'membership';
  readonly value: string;
  readonly authority: string | null;
  readonly is_end: boolean;
  readonly entry: string | null;
}

const CHANGES_MAX = 20;

/** The same rows as the directory after its change with this number. */
const AT = `one.valid_from <= change.at and (one.valid_to is null or one.valid_to > change.at)`;

/** By one query for all people of a page. */
export async function readPeople(
  manager: EntityManager,
  generation: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, PersonRow>> {
  const found = await rows<PersonRow>(manager, PEOPLE, [generation, ids]);
  return new Map(found.map((row) => [row.id, row]));
}

const PEOPLE = `
  select one.person as id,
      json_agg(json_build_object('authority', authority, 'name', name, 'is_active', active, 'since', nullif(one.valid_from, '-infinity'))
        order by authority <> 'file', authority) as standings,
      (select count(*)::int from keyturn.passkey
        where passkey.person = one.person and revoked_at is null) as passkeys
    from keyturn.directory_change change
    join keyturn.person_standing one on ${AT}
   where change.generation = $1 and one.person = any($2::text[])
   group by one.person`;

/** By one query. Groups are those of which the directory says that the person is in them, nested ones included. */
export async function readPersonFacts(
  manager: EntityManager,
  generation: string,
  { person, groups }: { readonly person: string; readonly groups: readonly string[] },
): Promise<PersonFacts> {
  const found = await firstRow<PersonFacts>(manager, FACTS, [generation, person, groups]);
  return found ?? { accounts: [], memberships: [], authorities: {}, changes: [] };
}

function changesOf(what: PersonChange['what'], value: string, authority: string): string {
  return ['valid_from', 'valid_to']
    .map(
      (
        column,
      ) => `select one.${column} as at, '${what}' as what, ${value} as value, ${authority} as authority,
        ${column === 'valid_to'} as is_end
      from keyturn.${what === 'standing' ? 'person_standing' : what} one
      where one.person = $2 and one.${column} is not null and isfinite(one.${column}) and one.${column} <= now()`,
    )
    .join(' union all ');
}

const CHANGES = `select * from (
    ${changesOf('standing', `one.name || case when one.active then ' (active)' else ' (not active)' end`, 'one.authority')}
    union all ${changesOf('account', `one.subject || ' at ' || one.issuer`, 'one.authority')}
    union all ${changesOf('membership', 'one.group_id', 'null')}) every
  order by at desc, is_end, what, value limit ${CHANGES_MAX}`;

const FACTS = `
  select
    (select coalesce(json_agg(json_build_object('issuer', issuer, 'subject', subject, 'authority', authority,
        'since', nullif(one.valid_from, '-infinity')) order by one.valid_from, one.id), '[]')
      from keyturn.account one where one.person = $2 and ${AT}) as accounts,
    (select coalesce(json_agg(json_build_object('group', one.group_id, 'since', nullif(one.valid_from, '-infinity'),
        'seen_at', one.lapses_at - named.maximum_age, 'counts_until', one.lapses_at) order by one.group_id), '[]')
      from keyturn.membership one
      left join keyturn.directory_group named on named.group_id = one.group_id
        and named.valid_from <= change.at and (named.valid_to is null or named.valid_to > change.at)
     where one.person = $2 and ${AT}) as memberships,
    (select coalesce(json_object_agg(one.group_id, one.authority), '{}')
      from keyturn.directory_group one where one.group_id = any($3::text[]) and ${AT}) as authorities,
    (select coalesce(json_agg(json_build_object('at', recent.at, 'what', what, 'value', value,
        'authority', authority, 'is_end', is_end, 'entry', known.entry)
        order by recent.at desc, is_end, what, value), '[]')
      from (${CHANGES}) recent left join keyturn.directory_change known on known.at = recent.at) as changes
    from keyturn.directory_change change where change.generation = $1`;
