import type { EntityManager } from 'typeorm';

import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import type { Identity } from '../domain/identity/identity.ts';
import type { SwitchEntry } from './kill-switches.ts';
import { firstRow, hasRows, valueOf } from './rows.ts';

/** A policy as somebody proposed it. */
export interface ProposedPolicy extends Identity {
  readonly digest: string;
  /** Its canonical text. */
  readonly body: string;
  /** The files that it was compiled from, as canonical text. */
  readonly sources: string;
  /** The person, by id. */
  readonly person: string;
  /** RFC 3339 UTC. */
  readonly at: string;
}

/** The last entry about proposals, or null. Until the transaction ends nobody else proposes. */
export async function lockProposals(manager: EntityManager): Promise<string | null> {
  return valueOf(manager, 'select keyturn.lock_policy_proposals()');
}

/** What is stored of proposals that were never published. */
export interface StoredProposals {
  /** This very policy is stored already. */
  readonly isKnown: boolean;
  /** Of the person, in the last 24 hours. */
  readonly recent: { readonly count: number; readonly bytes: number };
  /** Seconds until the oldest of those is a day old. */
  readonly secondsLeft: number;
  readonly all: { readonly count: number; readonly bytes: number };
}

/** Counts proposals. Exact while `lockProposals` holds. */
export async function countProposals(
  manager: EntityManager,
  { person, digest }: Pick<ProposedPolicy, 'person' | 'digest'>,
): Promise<StoredProposals> {
  const counts = await valueOf<StoredProposals>(manager, COUNT, [person, digest]);
  if (!counts) throw new Error('The database did not count proposals.');
  return counts;
}

const COUNT = `
  select json_build_object(
    'isKnown', count(*) filter (where digest = $2) > 0,
    'recent', json_build_object(
      'count', count(*) filter (where is_recent), 'bytes', coalesce(sum(bytes) filter (where is_recent), 0)),
    'secondsLeft', coalesce(
      ceil(extract(epoch from min(proposed_at) filter (where is_recent) + interval '24 hours' - now())), 0),
    'all', json_build_object(
      'count', count(*) filter (where not is_published), 'bytes', coalesce(sum(bytes) filter (where not is_published), 0)))
  from (
    select digest, octet_length(body) + octet_length(sources) as bytes, proposed_at,
           person = $1 and proposed_at > now() - interval '24 hours' as is_recent,
           exists (select 1 from keyturn.policy_set known where known.digest = candidate.digest) as is_published
    from keyturn.policy_candidate candidate) counted`;

/** Keeps a proposal with its entry. False when the same one is kept already. */
export async function storeProposal(
  manager: EntityManager,
  proposal: ProposedPolicy,
  { entry, subjects }: { readonly entry: SwitchEntry; readonly subjects: object },
): Promise<boolean> {
  const text = 'select keyturn.propose_policy($1, $2, $3)';
  return (await valueOf(manager, text, [proposal, entry, subjects])) === true;
}

/** The account that proposed a policy first; null for one that was installed; undefined for one that nobody knows. */
export async function readProposer(
  manager: EntityManager,
  digest: string,
): Promise<Identity | null | undefined> {
  const row = await firstRow<{ proposer: Identity | null }>(
    manager,
    `select case when candidate.digest is not null
       then json_build_object('issuer', candidate.issuer, 'subject', candidate.subject) end as proposer
     from (select $1::text as digest) wanted left join keyturn.policy_candidate candidate using (digest)
     where candidate.digest is not null or exists (select 1 from keyturn.policy_set known where known.digest = $1)`,
    [digest],
  );
  return row?.proposer;
}

/** A proposed or installed policy as it was stored, unchecked, or null. */
export async function readStoredPolicy(manager: EntityManager, digest: string): Promise<JsonValue | null> {
  const body = await valueOf<string>(
    manager,
    `select body from keyturn.policy_candidate where digest = $1
     union all select body::text from keyturn.policy_set where digest = $1 limit 1`,
    [digest],
  );
  return body === null ? null : (JSON.parse(body) as JsonValue);
}

/** The files of a proposed policy as they were stored, unchecked; null where nobody proposed it. */
export async function readProposedSources(manager: EntityManager, digest: string): Promise<string | null> {
  return valueOf(manager, 'select sources from keyturn.policy_candidate where digest = $1', [digest]);
}

/** The files of an activated policy as they were stored, unchecked; null where it was stored without them. */
export async function readActivatedSources(manager: EntityManager, digest: string): Promise<string | null> {
  return valueOf(manager, 'select sources from keyturn.policy_set where digest = $1', [digest]);
}

/** The digest of what an execution with this key activated; null when it never will; undefined when nothing is known of the key. */
export async function readActivation(
  manager: EntityManager,
  key: string,
): Promise<string | null | undefined> {
  const text = 'select digest from keyturn.policy_activation where idempotency_key = $1';
  return (await firstRow<{ digest: string | null }>(manager, text, [key]))?.digest;
}

/** Who uses a key, and for what: an activation, or with `activated` null that there will never be one. */
export interface KeyUse {
  readonly key: string;
  readonly request: string;
  readonly activated: { readonly digest: string; readonly generation: number } | null;
}

/** Uses a key, once for ever. False when it was used: waits for a use that is under way. */
export async function useKey(manager: EntityManager, { key, request, activated }: KeyUse): Promise<boolean> {
  return hasRows(
    manager,
    `with used as (
       insert into keyturn.policy_activation (idempotency_key, request, digest, generation, at)
       values ($1, $2, $3, $4, clock_timestamp()) on conflict do nothing returning 1)
     select * from used`,
    [key, request, activated?.digest ?? null, activated?.generation ?? null],
  );
}
