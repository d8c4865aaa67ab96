import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whoever calls a function that takes the text of an entry could leave one that no program can read on from, or take the
 * id that a later entry needs. One function checks every field and the place of an entry, for all of them.
 */
export class NextEntries1764980000000 implements MigrationInterface {
  readonly name = 'NextEntries1764980000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [KEYS, CHECK, ATTEMPT, SWITCH, DIRECTORY, POLICY, PROPOSE, GATE, REVOKE])
      await runner.query(statement);
  }

  /** The earlier functions let the role of the API end a log for good. */
  async down(): Promise<void> {
    throw new Error(
      'The migration of next entries cannot be undone: an entry that ends a log could not, either.',
    );
  }
}

const SAFE = `set search_path = pg_catalog, pg_temp`;

const KEYS = `
  create function keyturn.keys_of(body jsonb) returns text[] language sql immutable ${SAFE} as $$
    select case when jsonb_typeof(body) = 'object'
      then array(select key from jsonb_object_keys(body) key order by key collate "C") end
  $$`;

/** Of every entry, in order. */
const LEAF_KEYS =
  'actor,after,at,commit,decision_digest,evidence,facts,id,intent_digest,n,nonce,policy,prev,stream,temporal,type,v';

/**
 * Refuses what is not the next entry of its stream, or has a field that its readers cannot use; answers its number. What it
 * says, and its id, is up to the caller. A time is written back as it was: JavaScript reads none with a sixtieth second.
 */
const CHECK = `
  create function keyturn.check_leaf(body jsonb, of_request text, of_run text) returns int
  language plpgsql ${SAFE} as $$
  declare
    last_n int; last_leaf text; number int;
  begin
    select entry.n, entry.leaf into last_n, last_leaf from audit.entry
      where entry.request = of_request and entry.run_id = of_run order by entry.n desc limit 1;
    number := coalesce(last_n + 1, 0);
    -- Anything missing makes the whole unknown, which is no less a refusal.
    if (keyturn.keys_of(body) is distinct from '{${LEAF_KEYS}}'::text[]
      or body -> 'v' is distinct from '1'::jsonb
      or body -> 'n' is distinct from to_jsonb(number)
      or body -> 'prev' is distinct from coalesce(
        to_jsonb('sha256:' || encode(sha256(convert_to(last_leaf, 'UTF8')), 'hex')), 'null'::jsonb)
      or body -> 'stream' is distinct from jsonb_build_object('request', of_request, 'run', of_run)
      or body -> 'temporal' is distinct from jsonb_build_object(
        'namespace', body -> 'temporal' ->> 'namespace', 'workflow', of_request, 'run', of_run)
      or jsonb_typeof(body -> 'temporal' -> 'namespace') <> 'string'
      or jsonb_typeof(body -> 'id') <> 'string' or jsonb_typeof(body -> 'type') <> 'string'
      or jsonb_typeof(body -> 'at') <> 'string'
      or body ->> 'at' !~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$'
      or to_char((body ->> 'at')::timestamptz at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') <> body ->> 'at'
      or body -> 'after' <> 'null'::jsonb
      or keyturn.keys_of(body -> 'actor') is distinct from '{kind,pseudonym,via}'::text[]
      or exists (select from jsonb_each(body -> 'actor') field where jsonb_typeof(field.value) <> 'string')
      or body -> 'actor' ->> 'kind' not in ('person', 'agent', 'system')
      or jsonb_typeof(body -> 'intent_digest') not in ('string', 'null')
      or jsonb_typeof(body -> 'decision_digest') not in ('string', 'null')
      or body -> 'policy' <> 'null'::jsonb and (keyturn.keys_of(body -> 'policy') is distinct from '{digest}'::text[]
        or jsonb_typeof(body -> 'policy' -> 'digest') <> 'string')
      or jsonb_typeof(body -> 'facts') <> 'object'
      or body -> 'evidence' <> 'null'::jsonb and (
        keyturn.keys_of(body -> 'evidence') is distinct from '{grade,refs}'::text[]
        or body -> 'evidence' -> 'grade' not in ('"A"', '"B"', '"C"')
        or jsonb_typeof(body -> 'evidence' -> 'refs') <> 'array'
        or exists (select from jsonb_array_elements(body -> 'evidence' -> 'refs') ref where jsonb_typeof(ref) <> 'string'))
      or jsonb_typeof(body -> 'commit') <> 'object'
      or exists (select from jsonb_each(body -> 'commit') part
        where jsonb_typeof(part.value) <> 'string' or part.value #>> '{}' !~ '^[0-9a-f]{64}$')
      or jsonb_typeof(body -> 'nonce') <> 'string'
      or body ->> 'nonce' !~ '^[0-9a-f]{32}$') is distinct from false then
      raise exception 'not the next entry of its log';
    end if;
    return number;
  end $$`;

const ATTEMPT_FACTS = 'client,code,count,counted_as,delivery,person,verdict';

/**
 * Refuses an entry of another kind, and one that nobody counted. Its id and its facts are of a form of their own, so it
 * takes the place of no other entry, and no reader can take it for another.
 */
const ATTEMPT = `
  create or replace function keyturn.record_refused_attempt(leaf text, subjects jsonb) returns void
  language plpgsql security definer ${SAFE} set lock_timeout = '2s' as $$
  declare
    body jsonb := leaf::jsonb;
    facts jsonb := body -> 'facts';
    of_request text := body -> 'stream' ->> 'request';
    known keyturn.request; last_at timestamptz; number int;
  begin
    select * into known from keyturn.request where id = of_request for update;
    number := keyturn.check_leaf(body, of_request, known.run_id);
    select (entry.leaf::jsonb ->> 'at')::timestamptz into last_at from audit.entry
      where entry.request = of_request and entry.run_id = known.run_id order by entry.n desc limit 1;
    if (known.run_id is null or octet_length(leaf) > 8192
      or body ->> 'id' <> of_request || '/' || known.run_id || '/attempt/' || number
      or (body ->> 'type', facts ->> 'delivery') not in (('decision.attempt_refused', 'decision'),
        ('decision.attempt_refused', 'ticket'), ('request.withdrawal_refused', 'withdrawal'))
      or (body ->> 'at')::timestamptz > clock_timestamp()
      or (body ->> 'at')::timestamptz < coalesce(last_at, '-infinity')
      or body ->> 'intent_digest' <> known.intent_digest
      or body -> 'policy' <> 'null'::jsonb or body -> 'evidence' <> 'null'::jsonb or body -> 'commit' <> '{}'::jsonb
      or body -> 'actor' ->> 'pseudonym' !~ '^acc_[a-z2-7]{26}$' or body -> 'actor' ->> 'kind' = 'system'
      or keyturn.keys_of(facts) is distinct from '{${ATTEMPT_FACTS}}'::text[]
      or exists (select from jsonb_each(facts) field where jsonb_typeof(field.value) not in ('string', 'null')
        and field.key <> 'count')
      or facts ->> 'code' !~ '^[a-z_]{1,64}$'
      or facts ->> 'counted_as' not in ('others', body -> 'actor' ->> 'pseudonym')
      or (facts ->> 'person' !~ '^per_[a-z2-7]{26}$') is true
      or (facts ->> 'client' !~ '^acc_[a-z2-7]{26}$') is true
      or (facts ->> 'verdict' is null) <> (facts ->> 'delivery' = 'withdrawal')
      or (facts ->> 'verdict' not in ('approve', 'deny', 'defer')) is true
      or (body ->> 'decision_digest' is null) <> (facts ->> 'verdict' is null)
      or (body ->> 'decision_digest' !~ '^sha256:[0-9a-f]{64}$') is true
      or jsonb_typeof(facts -> 'count') <> 'number'
      or not exists (select from keyturn.refused_attempt counted
        where counted.request = of_request and counted.account = facts ->> 'counted_as'
          and counted.code = facts ->> 'code' and to_jsonb(counted.attempts) = facts -> 'count'))
      is distinct from false then
      raise exception 'not the next entry about a refused attempt';
    end if;
    insert into audit.entry (leaf) values (leaf);
    insert into audit.subject (pseudonym, body)
      select known_as.key, known_as.value from jsonb_each(subjects) as known_as on conflict do nothing;
  end $$`;

/** As before, but for the form of the entry and its id. */
const SWITCH = `
  create or replace function keyturn.append_switch_leaf(entry jsonb, kind text, switch text, subjects jsonb)
  returns void language plpgsql ${SAFE} as $$
  declare
    leaf text := entry ->> 'leaf';
    body jsonb := leaf::jsonb;
  begin
    if body ->> 'id' is distinct from 'switches/' || keyturn.check_leaf(body, 'switches', 'switches')
      or body ->> 'type' is distinct from kind
      or body -> 'facts' ->> 'switch' is distinct from switch
      or body -> 'actor' ->> 'kind' is distinct from 'person' then
      raise exception 'not the next entry about this kill switch';
    end if;
    insert into audit.entry (leaf) values (leaf);
    insert into audit.payload (event_id, part, salt, body)
      select body ->> 'id', part.key, part.value ->> 'salt', part.value ->> 'body'
      from jsonb_each(entry -> 'parts') as part;
    insert into audit.subject (pseudonym, body)
      select known.key, known.value from jsonb_each(subjects) as known on conflict do nothing;
  end $$`;

const DIRECTORY = `
  create or replace function keyturn.append_directory_leaf(by text, leaf text) returns void
  language plpgsql ${SAFE} as $$
  declare
    body jsonb := leaf::jsonb;
  begin
    if by !~ '^(scim|claims):.'
      or body ->> 'id' is distinct from
        'directory/directory/change/' || keyturn.check_leaf(body, 'directory', 'directory')
      or body ->> 'type' is distinct from 'directory.changed'
      or body -> 'facts' ->> 'authority' is distinct from by
      or body -> 'actor' ->> 'kind' is distinct from 'system' then
      raise exception 'not the next entry about the directory';
    end if;
    insert into audit.entry (leaf) values (leaf);
  end $$`;

const POLICY = `
  create or replace function keyturn.check_policy_entry(leaf text, expected jsonb) returns void
  language plpgsql ${SAFE} as $$
  declare
    body jsonb := leaf::jsonb;
  begin
    perform keyturn.check_leaf(body, 'policy', 'policy');
    if body ->> 'id' is distinct from 'policy/policy/install/' || (expected ->> 'generation') || '/1'
      or body ->> 'type' is distinct from 'policy.installed'
      or body -> 'policy' ->> 'digest' is distinct from expected ->> 'digest'
      or not (body -> 'facts' @> expected) then
      raise exception 'not the next entry about this policy';
    end if;
  end $$`;

const PROPOSE = `
  create or replace function keyturn.propose_policy(candidate jsonb, entry jsonb, subjects jsonb)
  returns boolean language plpgsql security definer ${SAFE} as $$
  declare
    leaf text := entry ->> 'leaf';
    body jsonb := leaf::jsonb;
  begin
    perform keyturn.lock_policy_proposals();
    insert into keyturn.policy_candidate (digest, body, proposed_at, person, issuer, subject)
      values (candidate ->> 'digest', candidate ->> 'body', (candidate ->> 'at')::timestamptz,
        candidate ->> 'person', candidate ->> 'issuer', candidate ->> 'subject')
      on conflict (digest) do nothing;
    if not found then return false; end if;
    if body ->> 'id' is distinct from 'proposals/' || keyturn.check_leaf(body, 'proposals', 'proposals')
      or body ->> 'type' is distinct from 'policy.proposed'
      or body -> 'facts' ->> 'digest' is distinct from candidate ->> 'digest'
      or body -> 'actor' ->> 'kind' is distinct from 'person' then
      raise exception 'not the next entry about this candidate';
    end if;
    insert into audit.entry (leaf) values (leaf);
    insert into audit.subject (pseudonym, body)
      select known.key, known.value from jsonb_each(subjects) as known on conflict do nothing;
    return true;
  end $$`;

const GATE = `
  create or replace function keyturn.check_gate_leaf(leaf jsonb, answer keyturn.gate_answer, valid_until text)
  returns void language plpgsql ${SAFE} as $$
  begin
    if keyturn.check_leaf(leaf, answer.request, 'gate') <> 0
      or leaf ->> 'id' is distinct from answer.request || '/gate/allow/1'
      or leaf ->> 'type' is distinct from 'gate.allowed'
      or leaf ->> 'intent_digest' is distinct from answer.intent_digest
      or leaf -> 'policy' ->> 'digest' is distinct from answer.policy_digest
      or leaf -> 'facts' ->> 'facts_digest' is distinct from answer.facts_digest
      or leaf -> 'facts' ->> 'valid_until' is distinct from valid_until
      or leaf -> 'evidence' -> 'refs' is distinct from jsonb_build_array(
        'sha256:' || encode(sha256(convert_to(answer.envelope, 'UTF8')), 'hex')) then
      raise exception 'not the entry of this gate answer';
    end if;
    if answer.valid_until > clock_timestamp() + interval '1 day 5 minutes' then
      raise exception 'a gate answer cannot be valid that long';
    end if;
  end $$`;

const REVOKE = 'revoke execute on function keyturn.keys_of, keyturn.check_leaf from public';
