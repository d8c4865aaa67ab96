import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was tried out at targets lately, and by whom: all workers and APIs share one count. */
export class Rehearsals1764832000000 implements MigrationInterface {
  readonly name = 'Rehearsals1764832000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLE, WAIT, BEGIN, END, ...GRANTS]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'drop function keyturn.end_rehearsal, keyturn.begin_rehearsal, keyturn.rehearsal_wait',
    );
    await runner.query('drop table keyturn.rehearsal');
  }
}

const SAFE = 'security definer set search_path = pg_catalog, pg_temp';

const TABLE = [
  `create table keyturn.rehearsal (
     id bigint generated always as identity primary key,
     request text not null,
     root text not null,
     target text not null,
     started_at timestamptz not null,
     lease_until timestamptz not null,
     ended_at timestamptz,
     is_refused boolean not null default false)`,
  `create index rehearsal_by_root on keyturn.rehearsal (root, started_at)`,
  `create index rehearsal_by_target on keyturn.rehearsal (target, started_at)`,
  `create index rehearsal_by_time on keyturn.rehearsal (started_at)`,
  `create index rehearsal_open on keyturn.rehearsal (request) where ended_at is null`,
];

/**
 * Seconds until the budgets of the last hour have room: of the root, and three times as much for the target. A worker
 * that died is charged little: how long its rehearsal took, nobody knows.
 */
const WAIT = `
  create function keyturn.rehearsal_wait(of_root text, of_target text, seconds_max int, refused_max int)
  returns int language sql stable ${SAFE} as $$
    with recent as (
      select root = of_root as is_own, target = of_target as is_here, started_at, is_refused,
             extract(epoch from case when ended_at is not null then ended_at - started_at
                                     when lease_until > clock_timestamp() then clock_timestamp() - started_at
                                     else interval '2 seconds' end) as seconds
        from keyturn.rehearsal
       where (root = of_root or target = of_target) and started_at > clock_timestamp() - interval '1 hour'
    ), used as (
      select sum(seconds) filter (where is_own) >= seconds_max
               or count(*) filter (where is_own and is_refused) >= refused_max
               or sum(seconds) filter (where is_here) >= seconds_max * 3
               or count(*) filter (where is_here and is_refused) >= refused_max * 3 as is_over,
             min(started_at) as first
        from recent
    )
    select case when is_over then greatest(1, ceil(extract(epoch from
             first + interval '1 hour' - clock_timestamp())))::int else 0 end from used
  $$`;

/**
 * Takes a place for one rehearsal, or answers the seconds to wait. A place is leased: a worker that dies gives it back
 * when the lease is over, or when the request is planned again.
 */
const BEGIN = `
  create function keyturn.begin_rehearsal(of_request text, of_root text, of_target text, limits jsonb)
  returns int language plpgsql ${SAFE} as $$
  declare
    at_once int := (limits ->> 'at_once')::int;
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
    wait := keyturn.rehearsal_wait(of_root, of_target, (limits ->> 'seconds')::int, (limits ->> 'refused')::int);
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

const END = `
  create function keyturn.end_rehearsal(of_request text, was_refused boolean) returns void
  language sql ${SAFE} as $$
    update keyturn.rehearsal set ended_at = clock_timestamp(), is_refused = was_refused
      where request = of_request and ended_at is null
  $$`;

const GRANTS = [
  'revoke execute on function keyturn.rehearsal_wait, keyturn.begin_rehearsal, keyturn.end_rehearsal from public',
  'grant execute on function keyturn.rehearsal_wait to keyturn_api',
  'grant execute on function keyturn.begin_rehearsal, keyturn.end_rehearsal to keyturn_worker',
];
