import type { EntityManager } from 'typeorm';

import { PUBLISH } from '../domain/policy/policy.ts';
import type { RequestStatus } from '../domain/request/status.ts';
import { rows } from './rows.ts';

/** A request to publish a policy. */
export interface RecordedPublication {
  readonly request: string;
  readonly status: RequestStatus;
  /** RFC 3339. */
  readonly created_at: string;
}

/** A proposal as it is listed. */
export interface ListedProposal {
  readonly digest: string;
  /** Null for a policy that was installed. */
  readonly person: string | null;
  readonly proposed_at: Date | null;
  /** It was active at some time. */
  readonly is_installed: boolean;
  /** Newest first. */
  readonly publications: readonly RecordedPublication[];
  /** What it replaced when it was published last; null where it was not. */
  readonly replaced: string | null;
}

/** The newest proposals. */
export async function listProposals(
  manager: EntityManager,
  limit: number,
): Promise<readonly ListedProposal[]> {
  return rows<ListedProposal>(
    manager,
    `with candidate as (
       select digest, person, proposed_at from keyturn.policy_candidate order by proposed_at desc, digest limit $2)
     ${LISTED} order by proposed_at desc, digest`,
    [PUBLISH.action, limit],
  );
}

/** One policy that was proposed or installed, or null. */
export async function readListed(manager: EntityManager, digest: string): Promise<ListedProposal | null> {
  const [found] = await rows<ListedProposal>(
    manager,
    `with candidate as (
       select wanted.digest, person, proposed_at
       from (select $2::text as digest) wanted left join keyturn.policy_candidate using (digest)
       where person is not null or exists (select from keyturn.policy_set known where known.digest = wanted.digest))
     ${LISTED}`,
    [PUBLISH.action, digest],
  );
  return found ?? null;
}

/** Which policy a request publishes its plan says, in its first line. */
const LISTED = `
  , publication as materialized (
    select request.id, request.status, request.created_at,
           substring(body ->> 'operation' from '^publish (sha256:[0-9a-f]{64})') as digest
    from keyturn.request join keyturn.plan on plan.request = request.id and plan.digest = request.plan_digest
    where request.action = $1 and request.created_at is not null
    order by request.created_at desc limit 500)
  select candidate.digest, candidate.person, candidate.proposed_at,
         exists (select from keyturn.policy_set known where known.digest = candidate.digest) as is_installed,
         coalesce((
           select jsonb_agg(jsonb_build_object('request', id, 'status', status, 'created_at', created_at)
                            order by created_at desc)
           from (select * from publication where publication.digest = candidate.digest
                 order by created_at desc limit 10) newest), '[]') as publications,
         (select leaf::jsonb -> 'facts' ->> 'replaces' from audit.entry
          where request = 'policy' and leaf::jsonb -> 'facts' ->> 'digest' = candidate.digest
          order by n desc limit 1) as replaced
  from candidate`;
