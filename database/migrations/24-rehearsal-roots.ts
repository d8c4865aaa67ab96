import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rehearsals of which nobody decided anything count like refused ones, and what some used up at a target leaves the
 * others a share.
 */
export class RehearsalRoots1764900000000 implements MigrationInterface {
  readonly name = 'RehearsalRoots1764900000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLE, MARK, TRIGGER, WAIT, BEGIN, ...GRANTS]) await runner.query(statement);
  }

  /** The functions of before cannot be told from here; without the budgets nothing could be planned. */
  down(): Promise<void> {
    return Promise.reject(new Error('This change of the database cannot be taken back: restore a backup.'));
  }
}

const SAFE = 'security definer set search_path = pg_catalog, pg_temp';

const TABLE = [
  `alter table keyturn.rehearsal add is_undecided boolean not null default false`,
  `create index rehearsal_by_request on keyturn.rehearsal (request)`,
];

/** At the commit, when the decision that ends a request is there as well. */
const MARK = `
  create function keyturn.mark_undecided() returns trigger language plpgsql ${SAFE} as $$
  begin
    update keyturn.rehearsal set is_undecided = true
     where request = new.id and not exists (
       select from keyturn.decision
        where decision.request = new.id and outcome = 'counted' and verdict <> 'defer'
          and recorded_at >= started_at);
    return null;
  end $$`;

const TRIGGER = `
  create constraint trigger mark_undecided after update of status on keyturn.request
    deferrable initially deferred for each row
    when (old.status <> new.status and new.status in ('denied', 'expired', 'cancelled', 'failed'))
    execute function keyturn.mark_undecided()`;

/**
 * Seconds until the budgets of the last hour have room: of the root, and three times as much for the target, of which a
 * root that used less than a third of its own budget there is never kept. Where people agreed already, nothing is tried
 * out to learn from a refusal. A worker that died is charged little: how long its rehearsal took, nobody knows.
 */
const WAIT = `
  create function keyturn.rehearsal_wait(
    of_root text, of_target text, seconds_max int, refused_max int, is_agreed boolean)
  returns int language sql stable ${SAFE} as $$
    with recent as (
      select root = of_root as is_own, target = of_target as is_here, started_at,
             is_refused or is_undecided as is_refused,
             extract(epoch from case when ended_at is not null then ended_at - started_at
                                     when lease_until > clock_timestamp() then clock_timestamp() - started_at
                                     else interval '2 seconds' end) as seconds
        from keyturn.rehearsal
       where (root = of_root or target = of_target) and started_at > clock_timestamp() - interval '1 hour'
    ), used as (
      select coalesce(sum(seconds) filter (where is_own), 0) as own_seconds,
             count(*) filter (where is_own and is_refused and not is_agreed) as own_refused,
             coalesce(sum(seconds) filter (where is_here), 0) as seconds,
             count(*) filter (where is_here and is_refused and not is_agreed) as refused,
             coalesce(sum(seconds) filter (where is_own and is_here), 0) as share_seconds,
             count(*) filter (where is_own and is_here and is_refused) as share_refused,
             min(started_at) as first
        from recent
    )
    select case when own_seconds >= seconds_max or own_refused >= refused_max
                  or (seconds >= seconds_max * 3 and share_seconds >= seconds_max / 3.0)
                  or (refused >= refused_max * 3 and share_refused >= refused_max / 3.0)
                then greatest(1, ceil(extract(epoch from first + interval '1 hour' - clock_timestamp())))::int
                else 0 end from used
  $$`;

/** As before, told whether people agreed to what is planned again. */
const BEGIN = `
  create or replace function keyturn.begin_rehearsal(of_request text, of_root text, of_target text, limits jsonb)
  returns int language plpgsql ${SAFE} as $$
  declare
    at_once int := (limits ->> 'at_once')::int;
    is_agreed boolean;
    wait int;
    own int;
    here int;
  begin
    -- Always the target first: nobody waits in a circle.
    perform pg_advisory_xact_lock(hashtextextended('rehearsals at ' || of_target, 0));
    perform pg_advisory_xact_lock(hashtextextended('rehearsals of ' || of_root, 0));
    delete from keyturn.rehearsal where started_at < clock_timestamp() - interval '2 hours';
    update keyturn.rehearsal set ended_at = least(clock_timestamp(), lease_until)
      where request = of_request and ended_at is null;
    is_agreed := exists (
      select from keyturn.decision
       where decision.request = of_request and outcome = 'counted' and verdict = 'approve');
    wait := keyturn.rehearsal_wait(
      of_root, of_target, (limits ->> 'seconds')::int, (limits ->> 'refused')::int, is_agreed);
    if wait > 0 then
      return wait;
    end if;
    select count(*) filter (where root = of_root), count(*) filter (where target = of_target) into own, here
      from keyturn.rehearsal where (root = of_root or target = of_target)
        and ended_at is null and lease_until > clock_timestamp();
    if own >= at_once or here >= at_once * 3 then
      return 1;
    end if;
    insert into keyturn.rehearsal (request, root, target, started_at, lease_until)
      values (of_request, of_root, of_target, clock_timestamp(), clock_timestamp() + interval '60 seconds');
    return 0;
  end $$`;

const GRANTS = [
  'drop function keyturn.rehearsal_wait(text, text, int, int)',
  `revoke execute on function keyturn.mark_undecided, keyturn.begin_rehearsal,
     keyturn.rehearsal_wait(text, text, int, int, boolean) from public`,
  'grant execute on function keyturn.rehearsal_wait(text, text, int, int, boolean) to keyturn_api',
  'grant execute on function keyturn.begin_rehearsal to keyturn_worker',
];
