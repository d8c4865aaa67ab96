import { isDeepStrictEqual } from 'node:util';

import type { EntityManager } from 'typeorm';

import type { Directory, Group } from '../domain/identity/directory.ts';
import { queryPrepared } from './prepared.ts';
import { columnOf, firstRow } from './rows.ts';

/** A directory, with the number of its last change. */
export interface CurrentDirectory {
  readonly generation: string;
  readonly directory: Directory;
}

/**
 * Entries of all directories that a process keeps: today's, and those of recently read requests. What two of them have in
 * common is kept once, so an entry is little more than a reference, and a list over many generations finds them again.
 * Members count where their group is not shared, and memberships that lapse count by themselves.
 */
const ENTRIES_MAX = 2_000_000;

const NOW = {
  name: 'directory-now',
  text: 'select generation, clock_timestamp() as now from keyturn.directory_state',
};
const AT = {
  name: 'directory-at',
  text: 'select generation from keyturn.directory_change where at <= $1 order by at desc limit 1',
};

/** Before the first change nobody is known. */
const EMPTY: Directory = { people: [], agents: [], groups: [] };

/**
 * Reads the directory as of now or of an earlier instant. A generation never changes once it is committed, so a process
 * reads each once; which one holds is one small query. One instance a process. Not for a transaction that itself
 * changed the directory: what is rolled back must not stay known.
 */
export class DirectoryReader {
  readonly #byGeneration = new Map<string, Snapshot>();
  readonly #byTransaction = new WeakMap<EntityManager, Map<number, Promise<string>>>();
  #entries = 0;

  /** The directory by which all that happens now is evaluated. */
  async now(manager: EntityManager): Promise<CurrentDirectory> {
    const [row] = await queryPrepared<{ generation: string; now: Date }>(manager, NOW, []);
    return row ? this.ofGeneration(manager, row.generation, row.now) : { generation: '0', directory: EMPTY };
  }

  /** The directory after its change with this number, at an instant before the next change. */
  async ofGeneration(manager: EntityManager, generation: string, instant: Date): Promise<CurrentDirectory> {
    return { generation, directory: await this.#read(manager, generation, instant) };
  }

  /** The directory as it was known at an instant. Empty before the first one. */
  async at(manager: EntityManager, instant: Date): Promise<Directory> {
    return (await this.asOf(manager, instant)).directory;
  }

  /** The same for many instants, found by one query. */
  async atEach(manager: EntityManager, instants: readonly Date[]): Promise<readonly Directory[]> {
    const generations = await columnOf<string | null>(
      manager,
      `select (select generation from keyturn.directory_change change where change.at <= instants.at
               order by change.at desc limit 1) as generation
       from unnest($1::timestamptz[]) with ordinality as instants (at, position) order by position`,
      [instants.map((instant) => instant.toISOString())],
    );
    const found: Directory[] = [];
    for (const [index, instant] of instants.entries())
      found.push(await this.#read(manager, generations[index] ?? '0', instant));
    return found;
  }

  /** The directory as it was known at an instant, with the number of the change that made it. */
  async asOf(manager: EntityManager, instant: Date): Promise<CurrentDirectory> {
    return this.ofGeneration(manager, await this.#generationAt(manager, instant), instant);
  }

  /** One transaction gets one answer for an instant, however often it reads. */
  async #generationAt(manager: EntityManager, instant: Date): Promise<string> {
    if (manager.queryRunner?.isTransactionActive !== true) return readGenerationAt(manager, instant);
    const known = this.#byTransaction.get(manager) ?? new Map<number, Promise<string>>();
    this.#byTransaction.set(manager, known);
    const generation = known.get(instant.getTime()) ?? readGenerationAt(manager, instant);
    known.set(instant.getTime(), generation);
    return generation;
  }

  async #read(manager: EntityManager, generation: string, instant: Date): Promise<Directory> {
    if (generation === '0') return EMPTY;
    const known = this.#byGeneration.get(generation);
    const snapshot = known ?? (await this.#readNew(manager, generation));
    this.#forget(generation);
    this.#byGeneration.set(generation, snapshot);
    this.#entries += snapshot.entries;
    // The longest unused is forgotten first.
    for (const oldest of this.#byGeneration.keys()) {
      if (this.#entries <= ENTRIES_MAX || oldest === generation) break;
      this.#forget(oldest);
    }
    return snapshot.at(instant);
  }

  async #readNew(manager: EntityManager, generation: string): Promise<Snapshot> {
    const row = await firstRow<Directory & { readonly lapses: readonly Lapse[] }>(manager, SNAPSHOT, [
      generation,
    ]);
    const { lapses, ...whole } = row ?? { ...EMPTY, lapses: [] };
    const other = [...this.#byGeneration.values()].at(-1)?.whole ?? EMPTY;
    const shared = {
      people: sharing(whole.people, other.people),
      agents: sharing(whole.agents, other.agents),
      groups: sharing(whole.groups, other.groups),
    };
    return new Snapshot(shared, { lapses, others: other.groups });
  }

  #forget(generation: string): void {
    this.#entries -= this.#byGeneration.get(generation)?.entries ?? 0;
    this.#byGeneration.delete(generation);
  }
}

async function readGenerationAt(manager: EntityManager, instant: Date): Promise<string> {
  const [row] = await queryPrepared<{ generation: string }>(manager, AT, [instant]);
  return row?.generation ?? '0';
}

function membersOf(groups: readonly Group[]): number {
  return groups.reduce((sum, { members, groups: nested }) => sum + members.length + nested.length, 0);
}

/** The same entries; those that others have just so are theirs. */
function sharing<Entry extends { readonly id: string }>(
  entries: readonly Entry[],
  others: readonly Entry[],
): readonly Entry[] {
  const known = new Map(others.map((entry) => [entry.id, entry]));
  return entries.map((entry) => {
    const same = known.get(entry.id);
    return same && isDeepStrictEqual(same, entry) ? same : entry;
  });
}

/** A membership that ends by itself. */
interface Lapse {
  readonly group: string;
  readonly person: string;
  readonly at: string;
}

/** A generation. Time alone takes those out of it whose tokens are too old, without anybody writing so. */
class Snapshot {
  readonly whole: Directory;
  readonly entries: number;
  /** The soonest first. */
  readonly #lapses: readonly { readonly group: string; readonly person: string; readonly atMs: number }[];
  #latest: { readonly lapsed: number; readonly directory: Directory };

  constructor(
    whole: Directory,
    { lapses, others }: { readonly lapses: readonly Lapse[]; readonly others: readonly Group[] },
  ) {
    this.whole = whole;
    const known = new Set(others);
    const own = whole.groups.filter((group) => !known.has(group));
    // Members that are left once some have lapsed are kept beside all of them.
    const lapsing = new Set(lapses.map(({ group }) => group));
    const left = whole.groups.filter(({ id }) => lapsing.has(id));
    const { people, agents, groups } = whole;
    const listed = people.length + agents.length + groups.length + lapses.length + 1;
    this.entries = listed + membersOf(own) + membersOf(left);
    this.#latest = { lapsed: 0, directory: whole };
    this.#lapses = lapses
      .map(({ group, person, at }) => ({ group, person, atMs: Date.parse(at) }))
      .sort((left, right) => left.atMs - right.atMs);
  }

  /** The same directory until another one lapses. */
  at(instant: Date): Directory {
    const next = this.#lapses.findIndex(({ atMs }) => atMs > instant.getTime());
    const lapsed = next === -1 ? this.#lapses.length : next;
    if (this.#latest.lapsed !== lapsed) this.#latest = { lapsed, directory: this.#without(lapsed) };
    return this.#latest.directory;
  }

  #without(lapsed: number): Directory {
    const gone = new Map<string, Set<string>>();
    for (const { group, person } of this.#lapses.slice(0, lapsed))
      gone.set(group, (gone.get(group) ?? new Set()).add(person));
    const groups = this.whole.groups.map((group) => {
      const left = gone.get(group.id);
      return left ? { ...group, members: group.members.filter((member) => !left.has(member)) } : group;
    });
    return { ...this.whole, groups };
  }
}

/** The rows of a table that hold at the generation's instant. */
function holding(table: string): string {
  return `(select one.* from keyturn.${table} one, keyturn.directory_change change
    where change.generation = $1 and one.valid_from <= change.at
      and (one.valid_to is null or one.valid_to > change.at))`;
}

const ACCOUNTS = `select person, json_agg(json_build_object('issuer', issuer, 'subject', subject) order by first) as list
  from (select person, issuer, subject, min(id) as first from ${holding('account')} account
    where person is not null group by 1, 2, 3) account
  group by person`;

/** Linked once, and not the person's now by anybody's word. */
const FORMER = `select person, json_agg(json_build_object('issuer', issuer, 'subject', subject) order by first) as list
  from (select person, issuer, subject, min(known.id) as first
    from keyturn.account known, keyturn.directory_change change
    where change.generation = $1 and authority = 'links' and valid_from <= change.at
      and not exists (select from keyturn.account held
        where (held.issuer, held.subject, held.person) = (known.issuer, known.subject, known.person)
          and held.valid_from <= change.at and (held.valid_to is null or held.valid_to > change.at))
    group by 1, 2, 3) account
  group by person`;

const PERSON = `'id', person, 'name', (array_agg(name order by authority <> 'file', authority))[1],
    'active', bool_and(active), 'accounts', coalesce((array_agg(account.list))[1], '[]')`;

const PEOPLE = `select case when count(former.list) = 0 then json_build_object(${PERSON})
    else json_build_object(${PERSON}, 'former_accounts', (array_agg(former.list))[1]) end as one, person as id
  from ${holding('person_standing')} standing left join (${ACCOUNTS}) account using (person)
    left join (${FORMER}) former using (person)
  group by person`;

const AGENTS = `select json_build_object('id', agent, 'name', name, 'active', active, 'issuer', issuer,
    'subject', subject, 'owner', owner, 'acts_for_people', acts_for_people) as one, agent as id
  from ${holding('agent_standing')} standing join
    (select agent, issuer, subject from ${holding('account')} known where agent is not null) account using (agent)`;

const MEMBERS = `select group_id, coalesce(json_agg(person order by person) filter (where person is not null), '[]') as members,
    coalesce(json_agg(member_group order by member_group) filter (where member_group is not null), '[]') as groups
  from ${holding('membership')} membership group by group_id`;

/** The authority of a group is given for those only whose members nobody knows all. */
const GROUPS = `select case when authority like 'claims:%' then entry || jsonb_build_object('authority', authority)
    else entry end as one, id
  from (select group_id as id, authority, jsonb_build_object('id', group_id, 'members', coalesce(members, '[]'),
      'groups', coalesce(groups, '[]')) as entry
    from ${holding('directory_group')} directory_group left join (${MEMBERS}) membership using (group_id)) named`;

const LAPSES = `select json_build_object('group', group_id, 'person', person, 'at', lapses_at) as one, id
  from ${holding('membership')} membership where lapses_at is not null`;

const listOf = (entries: string): string =>
  `(select coalesce(json_agg(one order by id), '[]') from (${entries}) entry)`;

const SNAPSHOT = `select ${listOf(PEOPLE)} as people, ${listOf(AGENTS)} as agents, ${listOf(GROUPS)} as groups,
  ${listOf(LAPSES)} as lapses`;
