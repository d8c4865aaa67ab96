import type { EntityManager } from 'typeorm';

import type { Leaf } from '../domain/audit/leaf.ts';
import { peopleBehind } from '../domain/identity/directory.ts';
import { identityKey, type Identity } from '../domain/identity/identity.ts';
import type { DirectoryChange, DirectoryPart, EvaluationInputs, RequestState } from '../contract/evidence.ts';
import type { CurrentDirectory, DirectoryReader } from './directory-reader.ts';
import { credentialIn } from '../domain/proof/decision-proof.ts';
import { readSubjects } from './request-list.ts';
import { columnOf } from './rows.ts';
import { readableInstant, shownDecision, shownRow } from './shown-rows.ts';
import type { DecisionRow, RequestRow } from './tables.ts';

/** The request as it stands: its claims, what people are shown of it, and what the API kept for the workers. */
export async function readState(
  manager: EntityManager,
  { row, decisions }: Pick<RecordedRequest, 'row' | 'decisions'>,
): Promise<RequestState> {
  const executions: RequestState['executions'] = await manager.query(
    `select attempt, idempotency_key, decision_digest, state from keyturn.execution
     where request = $1 order by attempt`,
    [row.id],
  );
  const { status, denied_by, round, decision_digest, plan_digest } = row;
  return {
    status,
    denied_by,
    round,
    decision_digest,
    plan_digest,
    executions,
    row: shownRow(row),
    decisions: decisions.map(shownDecision),
    kept: await readKeptMessages(manager, row.id),
  };
}

async function readKeptMessages(
  manager: EntityManager,
  request: string,
): Promise<NonNullable<RequestState['kept']>> {
  const rows: { id: string; envelope: string; kept_at: Date; is_consumed: boolean }[] = await manager.query(
    `select id, envelope, kept_at, consumed_at is not null as is_consumed
     from keyturn.kept_message where request = $1 order by kept_at, id`,
    [request],
  );
  return rows.map((message) => ({ ...message, kept_at: readableInstant(message.kept_at) }));
}

/** A request with its decisions and entries, all of one moment. */
export interface RecordedRequest {
  readonly row: RequestRow;
  readonly decisions: readonly DecisionRow[];
  readonly leaves: readonly Leaf[];
}

/** What its evaluations were made with, and who its people were: everything that checking them again takes. */
export async function readInputs(
  manager: EntityManager,
  directories: DirectoryReader,
  request: RecordedRequest,
): Promise<EvaluationInputs> {
  const { row, decisions, leaves } = request;
  const reviewers = decisions.map(({ reviewer_issuer: issuer, reviewer_subject: subject }) => ({
    issuer,
    subject,
  }));
  const identities: readonly Identity[] = [...row.lineage, ...reviewers];
  const readAt = (instant: Date): Promise<CurrentDirectory> =>
    directories.asOf(manager, new Date(readableInstant(instant)));
  const decided: { readonly decision: string; readonly directories: readonly CurrentDirectory[] }[] = [];
  for (const { id, at, recorded_at: recordedAt } of decisions)
    decided.push({ decision: id, directories: [await readAt(recordedAt), await readAt(at)] });
  const facts = await readFacts(manager, directories, row);
  const atCreation = await readAt(row.created_at);
  const all = [
    atCreation,
    ...decided.flatMap((one) => one.directories),
    ...facts.map(({ directory }) => directory),
  ];
  const partOf = partsFor(identities, all);
  const changes = await readChanges(manager, all);
  const policies = [
    row.creation_policy_digest,
    ...leaves.map(({ policy }) => policy?.digest),
    ...changes.map(({ policy }) => policy ?? undefined),
  ];
  return {
    facts: facts.map((one) => ({ ...one, directory: partOf(one.directory) })),
    plans: await manager.query('select digest, body from keyturn.plan where request = $1 order by made_at', [
      row.id,
    ]),
    ...(await readPolicies(manager, policies)),
    ...(await readSwitchEntries(manager, leaves)),
    passkey_entries: await readPasskeyEntries(manager, decisions),
    directory_changes: changes,
    directory_at_creation: partOf(atCreation),
    decisions: decided.map((one) => ({ ...one, directories: one.directories.map(partOf) })),
    people: await readPeople(manager, leaves),
  };
}

/** The changes that made directories. What the file says of one was said last by the policy that changed it last. */
async function readChanges(
  manager: EntityManager,
  used: readonly CurrentDirectory[],
): Promise<DirectoryChange[]> {
  return manager.query(
    `select change.generation::text as generation, made.leaf as entry,
       (select installed.leaf::jsonb -> 'facts' ->> 'digest' from keyturn.directory_change earlier
          join audit.entry installed on installed.event_id = earlier.entry
          where earlier.generation <= change.generation and installed.type = 'policy.installed'
          order by earlier.generation desc limit 1) as policy
     from keyturn.directory_change change left join audit.entry made on made.event_id = change.entry
     where change.generation = any($1) order by change.generation`,
    [[...new Set(used.map(({ generation }) => generation))]],
  );
}

type KeptFacts = Omit<EvaluationInputs['facts'][number], 'directory'>;

interface EvaluationRow extends KeptFacts {
  readonly directory_generation: string;
  readonly at: Date;
}

/** Facts with the whole directory that they were evaluated by. */
interface EvaluatedFacts extends KeptFacts {
  readonly directory: CurrentDirectory;
}

async function readFacts(
  manager: EntityManager,
  directories: DirectoryReader,
  row: RequestRow,
): Promise<readonly EvaluatedFacts[]> {
  const rows: EvaluationRow[] = await manager.query(
    `select distinct on (digest) digest, body, outcome -> 'engine' as engine, directory_generation, at
     from keyturn.evaluation join keyturn.fact_set on fact_set.digest = facts_digest
     where request = $1 and phase = 'planned' order by digest, evaluation.id`,
    [row.id],
  );
  const facts: EvaluatedFacts[] = [];
  for (const { directory_generation: generation, at, ...kept } of rows) {
    const directory = await directories.ofGeneration(manager, generation, new Date(readableInstant(at)));
    facts.push({ ...kept, directory });
  }
  return facts;
}

/** Sets by digest, and the entries of the stream of policies by which they became active and were replaced. */
async function readPolicies(
  manager: EntityManager,
  named: readonly (string | undefined)[],
): Promise<Pick<EvaluationInputs, 'policies' | 'policy_entries'>> {
  const digests = [...new Set(named.filter((digest) => digest !== undefined))];
  const entries = await columnOf<string>(
    manager,
    `with installed as (
       select leaf, n, digest, lag(digest) over (order by n) as replaced
       from audit.entry, lateral (select leaf::jsonb -> 'facts' ->> 'digest' as digest) named
       where request = 'policy' and type = 'policy.installed')
     select leaf from installed where digest = any($1) or replaced = any($1) order by n`,
    [digests],
  );
  return {
    policies: await manager.query('select digest, body from keyturn.policy_set where digest = any($1)', [
      digests,
    ]),
    policy_entries: [...entries],
  };
}

/** Of all switches but those that were released before the request was there. */
async function readSwitchEntries(
  manager: EntityManager,
  [first]: readonly Leaf[],
): Promise<Pick<EvaluationInputs, 'switch_entries' | 'switch_parts'>> {
  const rows: { event_id: string; leaf: string }[] = await manager.query(
    `with released as (
       select leaf::jsonb -> 'facts' ->> 'switch' as id from audit.entry
       where request = 'switches' and type = 'switch.lifted'
         and (leaf::jsonb ->> 'at')::timestamptz < $1::timestamptz - interval '1 hour')
     select event_id, leaf from audit.entry where request = 'switches' and type in ('switch.thrown', 'switch.lifted')
       and leaf::jsonb -> 'facts' ->> 'switch' not in (select id from released where id is not null) order by n`,
    [first?.at ?? '-infinity'],
  );
  const parts: EvaluationInputs['switch_parts'] = await manager.query(
    `select event_id, part, salt, body from audit.payload
     where event_id = any($1) and part in ('scope', 'account') order by event_id, part`,
    [rows.map(({ event_id: id }) => id)],
  );
  return { switch_entries: rows.map(({ leaf }) => leaf), switch_parts: parts };
}

/** When each passkey that signed one of the decisions was registered and revoked. */
async function readPasskeyEntries(
  manager: EntityManager,
  decisions: readonly DecisionRow[],
): Promise<string[]> {
  const credentials = decisions.flatMap(({ envelope }) => credentialIn(envelope) ?? []);
  const entries = await columnOf<string>(
    manager,
    `with used as (select id from keyturn.passkey where credential = any($1))
     select leaf from audit.entry, lateral (select leaf::jsonb -> 'facts' as facts) said
     where request = 'passkeys' and (facts ->> 'passkey' in (select id from used)
       or exists (select from used where facts -> 'revoked' ? used.id)) order by n`,
    [credentials],
  );
  return [...entries];
}

async function readPeople(
  manager: EntityManager,
  leaves: readonly Leaf[],
): Promise<EvaluationInputs['people']> {
  const pseudonyms = leaves.flatMap(({ facts }) =>
    typeof facts['person'] === 'string' ? [facts['person']] : [],
  );
  const subjects = await readSubjects(manager, pseudonyms);
  return Object.fromEntries(
    [...subjects].flatMap(([pseudonym, { person }]) => (person === undefined ? [] : [[pseudonym, person]])),
  );
}

/**
 * Directories as far as they concern some accounts: without names, and without who else is in the groups. A person who
 * has one of the accounts in any of the directories, or owns an agent that has, is in the parts of all: which accounts were
 * theirs before or are by now says who decided on their own.
 */
function partsFor(
  identities: readonly Identity[],
  all: readonly CurrentDirectory[],
): (current: CurrentDirectory) => DirectoryPart {
  const distinct = [...new Set(all.map(({ directory }) => directory))];
  const ids = new Set(distinct.flatMap((directory) => peopleBehind(directory, identities)));
  const accounts = new Set(identities.map(identityKey));
  return (current) => partOf(current, ids, accounts);
}

function partOf(
  { generation, directory: { people, agents, groups } }: CurrentDirectory,
  ids: ReadonlySet<string>,
  concerned: ReadonlySet<string>,
): DirectoryPart {
  return {
    generation,
    people: people
      .filter(({ id }) => ids.has(id))
      .map(({ id, active, accounts, former_accounts: former }) => ({
        id,
        active,
        accounts: accounts.map(({ issuer, subject }) => ({ issuer, subject })),
        ...(former && { former_accounts: former.map(({ issuer, subject }) => ({ issuer, subject })) }),
      })),
    agents: agents
      .filter((agent) => concerned.has(identityKey(agent)))
      .map(({ id, issuer, subject, active, owner, acts_for_people }) => ({
        id,
        issuer,
        subject,
        active,
        owner,
        acts_for_people,
      })),
    groups: groups.map((group) => ({
      id: group.id,
      members: group.members.filter((member) => ids.has(member)),
      groups: [...group.groups],
    })),
  };
}
