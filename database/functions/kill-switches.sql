-- Kill switches are engaged and released with their audit entries, by people who are operators now. KT003 tells a
-- refusal of people from a fault.

-- Waits for claims that are being made, holds back those that come, and gives the last entry of the log. Called before
-- the caller looks at the clock: so no claim that came first is dated after the switch.
create or replace function keyturn.lock_kill_switches() returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform 1 from keyturn.kill_switch_state for update;
  if not found then raise exception 'the state of kill switches is missing'; end if;
  return (select entry.leaf from audit.entry
    where entry.request = 'switches' and entry.run_id = 'switches' order by entry.n desc limit 1);
end $$;
grant execute on function keyturn.lock_kill_switches to keyturn_api;

-- For a claim: what it goes by cannot change until it is made. One statement after another, so that all lock in one
-- order. False where the state is missing: then nobody would be kept waiting. What is read needs a statement after this
-- one, which sees what was committed while this one waited.
create or replace function keyturn.lock_restrictions() returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform 1 from keyturn.policy_active for share;
  perform 1 from keyturn.directory_state for share;
  perform 1 from keyturn.kill_switch_state for share;
  return found;
end $$;
grant execute on function keyturn.lock_restrictions to keyturn_worker;

-- Locks by itself as well: it does not rely on its caller.
create or replace function keyturn.throw_kill_switch(thrown jsonb, entries jsonb, subjects jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
end $$;
grant execute on function keyturn.throw_kill_switch to keyturn_api;

-- Two entries mean that this confirmation releases the switch. Then there must be two people who are operators now; the
-- caller may ask for more, never for fewer. Nobody releases a switch that stops them or an agent of theirs.
create or replace function keyturn.confirm_kill_switch_lift(lift jsonb, entries jsonb, subjects jsonb)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare people int;
begin
  update keyturn.kill_switch_state set generation = generation + 1;
  if not found then raise exception 'the state of kill switches is missing'; end if;
  perform 1 from keyturn.kill_switch where id = lift ->> 'switch' and lifted_at is null for update;
  if not found then raise exception 'there is no such kill switch that is on'; end if;
  if keyturn.is_stopped_by(lift ->> 'person', lift ->> 'switch') then
    raise exception 'nobody lifts a kill switch on themselves or their agents' using errcode = 'KT003';
  end if;
  insert into keyturn.kill_switch_lift (switch, person, at, call)
    values (lift ->> 'switch', lift ->> 'person', (lift ->> 'at')::timestamptz, lift ->> 'call');
  perform keyturn.append_switch_leaf(entries -> 0, 'switch.lift_confirmed', lift ->> 'switch', subjects);
  perform keyturn.require_operator(lift ->> 'person', entries -> 0);
  if jsonb_array_length(entries) = 1 then return; end if;
  if jsonb_array_length(entries) <> 2 then raise exception 'lifting has two entries'; end if;
  select count(*) into people from keyturn.kill_switch_lift word
    where word.switch = lift ->> 'switch' and keyturn.is_operator(word.person)
      and not keyturn.is_stopped_by(word.person, word.switch);
  if people < 2 then
    raise exception 'two different people lift a kill switch' using errcode = 'KT003';
  end if;
  perform keyturn.append_switch_leaf(entries -> 1, 'switch.lifted', lift ->> 'switch', subjects);
  perform keyturn.require_operator(lift ->> 'person', entries -> 1);
  update keyturn.kill_switch set lifted_at = (lift ->> 'at')::timestamptz where id = lift ->> 'switch';
end $$;
grant execute on function keyturn.confirm_kill_switch_lift to keyturn_api;

-- By the directory of now and that of when the switch was engaged. An open interval holds at infinity, and no other
-- does: that is now.
create or replace function keyturn.is_stopped_by(wanted text, switch_id text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  with stopping as (
    select scope_value, account ->> 'issuer' as issuer, account ->> 'subject' as subject, instant
      from keyturn.kill_switch, unnest(array[thrown_at, 'infinity']) as instant
      where id = switch_id and scope_kind = 'agent'),
  linked as (
    select known.*, stopping.instant, known.issuer = stopping.issuer and known.subject = stopping.subject as is_account,
           stopping.scope_value in (known.agent, known.issuer || ' ' || known.subject) as is_named
      from keyturn.account known, stopping
      where known.valid_from <= stopping.instant and coalesce(known.valid_to > stopping.instant, true))
  select exists (select from linked where linked.is_account and linked.person = wanted)
    or exists (
      select from linked join keyturn.agent_standing standing using (agent)
        where (linked.is_account or linked.is_named) and standing.owner = wanted
          and standing.valid_from <= linked.instant and coalesce(standing.valid_to > linked.instant, true))
$$;

-- The entry names the person by a pseudonym: it must be that person's, or somebody else would have done it.
create or replace function keyturn.require_operator(wanted text, entry jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not keyturn.is_operator(wanted) then
    raise exception 'only operators engage and release kill switches' using errcode = 'KT003';
  end if;
  perform keyturn.require_named(entry ->> 'leaf', wanted);
end $$;

-- The caller writes the text of an entry, so it is checked what kind it is, what it is about and that it follows from
-- the last one: a caller with the role of the API can record nothing else this way.
create or replace function keyturn.append_switch_leaf(entry jsonb, kind text, switch text, subjects jsonb)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
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
end $$;
