import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Attempts to decide that were refused stand in the log of the request that they were about. The API writes these
 * entries itself, as no workflow ever hears of such an attempt, and can write no others this way.
 */
export class RefusedAttempts1764890000000 implements MigrationInterface {
  readonly name = 'RefusedAttempts1764890000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [TABLE, NOTE, RECORD, ...GRANTS]) await runner.query(statement);
  }

  /** The entries stay; only the counts behind them go. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop function keyturn.record_refused_attempt, keyturn.note_refused_attempt');
    await runner.query('drop table keyturn.refused_attempt');
  }
}

const SAFE = `security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s'`;

const TABLE = `
  create table keyturn.refused_attempt (
    request text not null, account text not null, code text not null,
    attempts bigint not null, primary key (request, account, code))`;

/** Who tries as more accounts than this is counted with all the others. */
const ROWS_MAX = 200;

/**
 * Counts one more attempt. Every first, second, fourth, eighth … of one account with one code gets an entry, so that no
 * number of attempts fills the log: for these it answers what the entry follows from, with the request locked. Null
 * otherwise, and where there is no such request.
 */
const NOTE = `
  create function keyturn.note_refused_attempt(of_request text, by_account text, with_code text) returns jsonb
  language plpgsql ${SAFE} as $$
  declare
    counted text := by_account; total bigint; run text; intent text; last_leaf text;
  begin
    if not exists (select from keyturn.request where id = of_request) then return null; end if;
    if not exists (select from keyturn.refused_attempt known
        where known.request = of_request and known.account = by_account and known.code = with_code)
      and (select count(*) from keyturn.refused_attempt known where known.request = of_request) >= ${ROWS_MAX} then
      counted := 'others';
    end if;
    insert into keyturn.refused_attempt as known (request, account, code, attempts)
      values (of_request, counted, with_code, 1)
      on conflict (request, account, code) do update set attempts = known.attempts + 1
      returning attempts into total;
    if total & (total - 1) <> 0 then return null; end if;
    select run_id, intent_digest into run, intent from keyturn.request where id = of_request for update;
    select entry.leaf into last_leaf from audit.entry
      where entry.request = of_request and entry.run_id = run order by entry.n desc limit 1;
    return jsonb_build_object('run', run, 'intent_digest', intent, 'last', last_leaf, 'account', counted,
      'attempts', total, 'now', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
  end $$`;

/** Of every entry, in order. */
const LEAF_KEYS =
  'actor,after,at,commit,decision_digest,evidence,facts,id,intent_digest,n,nonce,policy,prev,stream,temporal,type,v';

/** Refuses an entry of another kind, one that is not the next of its request, and one that nobody counted. */
const RECORD = `
  create function keyturn.record_refused_attempt(leaf text, subjects jsonb) returns void
  language plpgsql ${SAFE} as $$
  declare
    body jsonb := leaf::jsonb;
    facts jsonb := body -> 'facts';
    of_request text := body -> 'stream' ->> 'request';
    run text; last_n int; last_leaf text;
  begin
    select run_id into run from keyturn.request where id = of_request for update;
    select entry.n, entry.leaf into last_n, last_leaf from audit.entry
      where entry.request = of_request and entry.run_id = run order by entry.n desc limit 1;
    -- Anything missing makes the whole unknown, which is no less a refusal: a malformed entry could never be read again.
    if (run is null or octet_length(leaf) > 8192
      or array(select key from jsonb_object_keys(body) key order by key collate "C") is distinct from '{${LEAF_KEYS}}'::text[]
      or jsonb_typeof(facts) is distinct from 'object' or jsonb_typeof(body -> 'actor') is distinct from 'object'
      or body -> 'commit' is distinct from '{}'::jsonb
      or body ->> 'at' !~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$'
      or coalesce(body ->> 'type', '') not in ('decision.attempt_refused', 'request.withdrawal_refused')
      or body -> 'stream' is distinct from jsonb_build_object('request', of_request, 'run', run)
      or body -> 'temporal' ->> 'run' is distinct from run
      or body -> 'evidence' is distinct from 'null'::jsonb
      or (body ->> 'n')::int is distinct from coalesce(last_n + 1, 0)
      or body ->> 'prev' is distinct from 'sha256:' || encode(sha256(convert_to(last_leaf, 'UTF8')), 'hex')
      or (body ->> 'at')::timestamptz > clock_timestamp()
      or (body ->> 'at')::timestamptz < coalesce((last_leaf::jsonb ->> 'at')::timestamptz, '-infinity')
      or not exists (select from keyturn.refused_attempt known
        where known.request = of_request and known.account = facts ->> 'counted_as'
          and known.code = facts ->> 'code' and known.attempts = (facts ->> 'count')::bigint)) is distinct from false then
      raise exception 'not the next entry about a refused attempt';
    end if;
    insert into audit.entry (leaf) values (leaf);
    insert into audit.subject (pseudonym, body)
      select known.key, known.value from jsonb_each(subjects) as known on conflict do nothing;
  end $$`;

const GRANTS = [
  `revoke execute on function keyturn.note_refused_attempt, keyturn.record_refused_attempt from public`,
  `grant execute on function keyturn.note_refused_attempt, keyturn.record_refused_attempt to keyturn_api`,
];
