import type { EntityManager } from 'typeorm';

import { firstRow } from './rows.ts';

/** How a policy became the active one, as its entry in the audit log has it. */
export interface RecordedActivation {
  readonly at: Date;
  /** The request that published it; null where it was installed by hand. */
  readonly request: string | null;
  readonly replaces: string | null;
  /** The person who proposed it first. */
  readonly proposer: string | null;
  /** The account of the machine from which it was installed. A set that is active again has that of its first time, so that is not told. */
  readonly installer: string | null;
}

/** The activation with this generation; null where there is no entry of it. */
export async function readRecordedActivation(
  manager: EntityManager,
  generation: string,
): Promise<RecordedActivation | null> {
  const row = await firstRow<RecordedActivation>(
    manager,
    `select (leaf ->> 'at')::timestamptz as at, leaf -> 'facts' ->> 'request' as request,
       leaf -> 'facts' ->> 'replaces' as replaces, candidate.person as proposer,
       case when leaf -> 'facts' ->> 'request' is null and stored.installed_at = (leaf ->> 'at')::timestamptz
         then stored.installed_by end as installer
     from (select leaf::jsonb as leaf from audit.entry where event_id = 'policy/policy/install/' || $1::text || '/1') entry
     left join keyturn.policy_set stored on stored.digest = leaf -> 'facts' ->> 'digest'
     left join keyturn.policy_candidate candidate on candidate.digest = stored.digest`,
    [generation],
  );
  return row ?? null;
}
