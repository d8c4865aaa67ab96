-- What services that keep rotations say. Nobody writes intervals but this function: not even the worker can date an
-- answer back.

-- The claim of an execution holds the state of the directory shared: who is in a rotation changes before or after the
-- claim, never between its check and its commit. The locks are taken in one order: rotation, then state.
create or replace function keyturn.observe_duty(answer jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare known bigint; instant timestamptz; closed int := 0; opened int := 0;
begin
  insert into keyturn.duty_rotation (source, schedule)
    values (answer ->> 'source', answer ->> 'schedule') on conflict do nothing;
  select id into strict known from keyturn.duty_rotation
    where (source, schedule) = (answer ->> 'source', answer ->> 'schedule') for update;
  if exists (
    (select is_on_duty, issuer, subject from keyturn.duty_person where rotation = known and valid_to is null
     except select * from keyturn.people_of_duty(answer))
    union all
    (select * from keyturn.people_of_duty(answer)
     except select is_on_duty, issuer, subject from keyturn.duty_person where rotation = known and valid_to is null)) then
    perform from keyturn.directory_state for update;
  end if;
  -- Later than all before it, also when the clock was set back.
  select greatest(clock_timestamp(), coalesce(max(heard_to), '-infinity') + interval '1 microsecond')
    into strict instant from keyturn.duty_heard where rotation = known;
  update keyturn.duty_person past set valid_to = instant
    where rotation = known and valid_to is null and not exists (
      select from keyturn.people_of_duty(answer) wanted
      where (wanted.is_on_duty, wanted.issuer, wanted.subject) = (past.is_on_duty, past.issuer, past.subject));
  get diagnostics closed = row_count;
  insert into keyturn.duty_person (rotation, is_on_duty, issuer, subject, valid_from)
    select known, wanted.is_on_duty, wanted.issuer, wanted.subject, instant
    from keyturn.people_of_duty(answer) wanted where not exists (
      select from keyturn.duty_person present where present.rotation = known and present.valid_to is null
        and (wanted.is_on_duty, wanted.issuer, wanted.subject) =
          (present.is_on_duty, present.issuer, present.subject));
  get diagnostics opened = row_count;
  update keyturn.duty_heard set heard_to = instant
    where rotation = known and heard_to >= instant - interval '2 minutes'
      and heard_from = (select max(heard_from) from keyturn.duty_heard last where last.rotation = known);
  if not found then
    insert into keyturn.duty_heard (rotation, heard_from, heard_to) values (known, instant, instant);
  end if;
  return jsonb_build_object('opened', opened, 'closed', closed);
end $$;
grant execute on function keyturn.observe_duty to keyturn_worker;

create or replace function keyturn.people_of_duty(answer jsonb)
returns table (is_on_duty boolean, issuer text, subject text)
language sql set search_path = pg_catalog, pg_temp as $$
  select false, answer ->> 'issuer', value from jsonb_array_elements_text(answer -> 'members')
  union
  select true, answer ->> 'issuer', value from jsonb_array_elements_text(answer -> 'on_duty')
$$;
