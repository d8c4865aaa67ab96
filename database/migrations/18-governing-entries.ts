import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What governs everybody changes together with its audit entry, or not at all: policy and the directory of its file by
 * one function, kill switches by the word of people who are operators now. No role of a program writes these tables or
 * these streams of the log directly.
 */
export class GoverningEntries1764850000000 implements MigrationInterface {
  readonly name = 'GoverningEntries1764850000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...STREAMS, PREVIEW, NEXT_ENTRY, ACTIVATE, ...OPERATORS, ...GRANTS])
      await runner.query(statement);
  }

  /** The earlier grants let a program change policy and directory without an entry. */
  async down(): Promise<void> {
    throw new Error(
      'The migration of governing entries cannot be undone: what it forbids would be possible again.',
    );
  }
}

const SAFE = `set search_path = pg_catalog, pg_temp`;

/** After the insert, when the stream of an entry is known: its check costs entries of requests nothing. */
const STREAMS = [
  `create function audit.refuse_foreign_stream() returns trigger language plpgsql ${SAFE} as $$
   begin
     if not pg_has_role(current_user, 'keyturn_owner', 'member') then
       raise exception 'entries of this stream are written with what they are about';
     end if;
     return null;
   end $$`,
  `create trigger entry_of_governing_stream after insert on audit.entry for each row
     when (new.request in ('policy', 'proposals', 'switches', 'directory'))
     execute function audit.refuse_foreign_stream()`,
  `alter table audit.entry enable always trigger entry_of_governing_stream`,
];

/** How many intervals the file's directory would open and close. Done and taken back: the entry is written before. */
const PREVIEW = `
  create function keyturn.preview_file_directory(body jsonb) returns jsonb
  language plpgsql security definer ${SAFE} as $$
  declare counts jsonb;
  begin
    begin
      counts := keyturn.apply_file_directory(body, keyturn.next_directory_instant());
      raise exception 'taken back' using errcode = 'KT004';
    exception when sqlstate 'KT004' then
      return counts;
    end;
  end $$`;

/** Refuses an entry that is not the next one of the stream of policies, about this set and what it changes. */
const NEXT_ENTRY = `
  create function keyturn.check_policy_entry(leaf text, expected jsonb) returns void
  language plpgsql ${SAFE} as $$
  declare
    body jsonb := leaf::jsonb;
    last_n int; last_leaf text;
  begin
    select entry.n, entry.leaf into last_n, last_leaf from audit.entry
      where entry.request = 'policy' and entry.run_id = 'policy' order by entry.n desc limit 1;
    if body -> 'stream' is distinct from '{"request": "policy", "run": "policy"}'::jsonb
      or body ->> 'type' is distinct from 'policy.installed'
      or body -> 'policy' ->> 'digest' is distinct from expected ->> 'digest'
      or not (body -> 'facts' @> expected)
      or (body ->> 'n')::int is distinct from coalesce(last_n + 1, 0)
      or body ->> 'prev' is distinct from
        'sha256:' || encode(sha256(convert_to(last_leaf, 'UTF8')), 'hex') then
      raise exception 'not the next entry about this policy';
    end if;
  end $$`;

/**
 * The set, its activation, the directory of its file and the entry of all three. Another policy than the first one comes
 * from a request that is being executed, or its entry says that people installed it by hand.
 */
const ACTIVATE = `
  create function keyturn.activate_policy(installed jsonb, set_text text, leaf text) returns void
  language plpgsql security definer ${SAFE} as $$
  declare
    known keyturn.policy_active; counts jsonb; next bigint;
    facts jsonb := leaf::jsonb -> 'facts';
    set_digest text := 'sha256:' || encode(sha256(convert_to(set_text, 'UTF8')), 'hex');
  begin
    perform pg_advisory_xact_lock(hashtext('keyturn.policy_active'));
    select * into known from keyturn.policy_active for update;
    next := coalesce(known.generation, 0) + 1;
    if known.digest is not null and facts ->> 'recovery' is distinct from 'true' and not exists (
        select from keyturn.request asked where asked.id = facts ->> 'request'
          and asked.action = 'keyturn.policy.publish' and asked.status = 'executing') then
      raise exception 'no request publishes this policy, and nobody recovers by it';
    end if;
    insert into keyturn.policy_set (digest, body, installed_at, installed_by)
      values (set_digest, set_text::jsonb, (installed ->> 'at')::timestamptz, installed ->> 'by')
      on conflict (digest) do nothing;
    insert into keyturn.policy_active (singleton, generation, digest) values (true, next, set_digest)
      on conflict (singleton) do update set generation = excluded.generation, digest = excluded.digest;
    counts := keyturn.apply_file_directory(set_text::jsonb -> 'directory', keyturn.next_directory_instant());
    perform keyturn.check_policy_entry(leaf, jsonb_build_object(
      'digest', set_digest, 'generation', next, 'replaces', known.digest, 'directory', counts));
    insert into audit.entry (leaf) values (leaf);
  end $$`;

const OPERATORS = [
  // Active by every authority that knows the person.
  `create function keyturn.is_active_person(wanted text) returns boolean language sql stable ${SAFE} as $$
     select coalesce(bool_and(active), false) from keyturn.person_standing where person = wanted and valid_to is null
   $$`,
  `create function keyturn.is_member(wanted text, of_group text) returns boolean language sql stable ${SAFE} as $$
     with recursive inner_group(id) as (
       select of_group
       union
       select nested.member_group from keyturn.membership nested join inner_group on nested.group_id = inner_group.id
         where nested.member_group is not null and nested.valid_to is null)
     select exists (select from keyturn.membership one join inner_group on one.group_id = inner_group.id
       where one.person = wanted and one.valid_to is null
         and (one.lapses_at is null or one.lapses_at > clock_timestamp()))
   $$`,
  `create function keyturn.is_operator(wanted text) returns boolean language sql stable ${SAFE} as $$
     select keyturn.is_active_person(wanted) and exists (
       select from keyturn.policy_active join keyturn.policy_set using (digest),
         jsonb_array_elements_text(coalesce(body -> 'operators', '[]')) as named(selector)
       where named.selector = 'user:' || wanted
         or (starts_with(named.selector, 'group:') and keyturn.is_member(wanted, substr(named.selector, 7))))
   $$`,
  // The entry names the person by a pseudonym: it must be that person's, or somebody else would have done it.
  `create function keyturn.require_operator(wanted text, entry jsonb) returns void language plpgsql ${SAFE} as $$
   begin
     if not keyturn.is_operator(wanted) then
       raise exception 'only operators engage and release kill switches' using errcode = 'KT003';
     end if;
     if not exists (select from audit.subject known
         where known.pseudonym = (entry ->> 'leaf')::jsonb -> 'facts' ->> 'person' and known.body ->> 'person' = wanted) then
       raise exception 'the entry names another person';
     end if;
   end $$`,
  `create or replace function keyturn.throw_kill_switch(thrown jsonb, entries jsonb, subjects jsonb)
   returns void language plpgsql security definer ${SAFE} as $$
   begin
     update keyturn.kill_switch_state set generation = generation + 1;
     if not found then raise exception 'the state of kill switches is missing'; end if;
     if jsonb_array_length(entries) <> 1 then raise exception 'throwing has one entry'; end if;
     insert into keyturn.kill_switch
       (id, scope_kind, scope_value, account, reason, thrown_by, thrown_at)
       values (thrown ->> 'id', thrown -> 'scope' ->> 'kind', thrown -> 'scope' ->> 'value',
         nullif(thrown -> 'account', 'null'::jsonb), thrown ->> 'reason', thrown ->> 'thrown_by',
         (thrown ->> 'thrown_at')::timestamptz);
     perform keyturn.append_switch_leaf(entries -> 0, 'switch.thrown', thrown ->> 'id', subjects);
     perform keyturn.require_operator(thrown ->> 'thrown_by', entries -> 0);
   end $$`,
  // The last of two words releases; only words of people who are operators now count.
  `create or replace function keyturn.confirm_kill_switch_lift(lift jsonb, entries jsonb, subjects jsonb)
   returns void language plpgsql security definer ${SAFE} as $$
   declare people int;
   begin
     update keyturn.kill_switch_state set generation = generation + 1;
     if not found then raise exception 'the state of kill switches is missing'; end if;
     perform 1 from keyturn.kill_switch where id = lift ->> 'switch' and lifted_at is null for update;
     if not found then raise exception 'there is no such kill switch that is on'; end if;
     insert into keyturn.kill_switch_lift (switch, person, at)
       values (lift ->> 'switch', lift ->> 'person', (lift ->> 'at')::timestamptz);
     perform keyturn.append_switch_leaf(entries -> 0, 'switch.lift_confirmed', lift ->> 'switch', subjects);
     perform keyturn.require_operator(lift ->> 'person', entries -> 0);
     if jsonb_array_length(entries) = 1 then return; end if;
     select count(*) into people from keyturn.kill_switch_lift word
       where word.switch = lift ->> 'switch' and keyturn.is_operator(word.person);
     if people < 2 or jsonb_array_length(entries) <> 2 then
       raise exception 'two different people lift a kill switch';
     end if;
     perform keyturn.append_switch_leaf(entries -> 1, 'switch.lifted', lift ->> 'switch', subjects);
     perform keyturn.require_operator(lift ->> 'person', entries -> 1);
     update keyturn.kill_switch set lifted_at = (lift ->> 'at')::timestamptz where id = lift ->> 'switch';
   end $$`,
];

const GRANTS = [
  `revoke execute on function keyturn.preview_file_directory, keyturn.check_policy_entry, keyturn.activate_policy,
     keyturn.is_active_person, keyturn.is_member, keyturn.is_operator, keyturn.require_operator from public`,
  `grant execute on function keyturn.preview_file_directory, keyturn.activate_policy to keyturn_worker`,
  `revoke execute on function keyturn.synchronise_file_directory from keyturn_worker`,
  `revoke insert on keyturn.policy_set from keyturn_worker`,
  `revoke insert, update on keyturn.policy_active from keyturn_worker`,
  // Without some UPDATE there is no FOR SHARE. This one column can only be true.
  `grant update (singleton) on keyturn.policy_active to keyturn_worker`,
];
