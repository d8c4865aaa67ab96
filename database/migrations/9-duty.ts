import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who is on call by the services that keep rotations, as intervals by the time at which they were heard. */
export class Duty1764760000000 implements MigrationInterface {
  readonly name = 'Duty1764760000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLES, ...FUNCTIONS, ...GRANTS]) await runner.query(statement);
  }

  /** The intervals say who could judge what is recorded: they are not dropped. */
  async down(): Promise<void> {
    throw new Error('What was heard of rotations cannot be undone: requests are judged by it.');
  }
}

const SAFE = `set search_path = pg_catalog, pg_temp`;

const TABLES = [
  `create table keyturn.duty_rotation (
     id bigint generated always as identity primary key,
     source text not null check (length(source) between 1 and 200),
     schedule text not null check (length(schedule) between 1 and 200),
     unique (source, schedule))`,
  // Spans in which no two answers were further apart than the least staleness that a policy may allow (two minutes):
  // inside of one, what is known is never too old. So a year of answers is a few rows.
  `create table keyturn.duty_heard (
     rotation bigint not null references keyturn.duty_rotation,
     heard_from timestamptz not null, heard_to timestamptz not null check (heard_to >= heard_from),
     primary key (rotation, heard_from))`,
  // Half-open. Accounts at the service, not people: whose they are is for the directory of each instant to say.
  `create table keyturn.duty_person (
     id bigint generated always as identity primary key,
     rotation bigint not null references keyturn.duty_rotation,
     is_on_duty boolean not null,
     issuer text not null check (length(issuer) between 1 and 2048),
     subject text not null check (length(subject) between 1 and 500),
     valid_from timestamptz not null, valid_to timestamptz check (valid_to > valid_from))`,
  `create unique index duty_person_open on keyturn.duty_person (rotation, is_on_duty, issuer, subject)
     where valid_to is null`,
  `create index duty_person_past on keyturn.duty_person (rotation, valid_to)`,
];

const FUNCTIONS = [
  `create function keyturn.people_of_duty(answer jsonb)
   returns table (is_on_duty boolean, issuer text, subject text) language sql ${SAFE} as $$
     select false, answer ->> 'issuer', value from jsonb_array_elements_text(answer -> 'members')
     union
     select true, answer ->> 'issuer', value from jsonb_array_elements_text(answer -> 'on_duty')
   $$`,
  `create function keyturn.differs_from_duty(known bigint, answer jsonb) returns boolean language sql ${SAFE} as $$
     select exists (
       (select is_on_duty, issuer, subject from keyturn.duty_person where rotation = known and valid_to is null
        except select * from keyturn.people_of_duty(answer))
       union all
       (select * from keyturn.people_of_duty(answer)
        except select is_on_duty, issuer, subject from keyturn.duty_person where rotation = known and valid_to is null))
   $$`,
  // Whoever claims an execution holds the state of the directory shared: who is in a rotation changes before or after
  // the claim, never between its check and its commit. The locks are taken in one order: rotation, then state.
  `create function keyturn.observe_duty(answer jsonb) returns jsonb
   language plpgsql security definer ${SAFE} as $$
   declare known bigint; instant timestamptz; closed int := 0; opened int := 0;
   begin
     insert into keyturn.duty_rotation (source, schedule)
       values (answer ->> 'source', answer ->> 'schedule') on conflict do nothing;
     select id into strict known from keyturn.duty_rotation
       where (source, schedule) = (answer ->> 'source', answer ->> 'schedule') for update;
     if keyturn.differs_from_duty(known, answer) then
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
   end $$`,
  `revoke execute on all functions in schema keyturn from public`,
];

const GRANTS = [
  `grant select on keyturn.duty_rotation, keyturn.duty_heard, keyturn.duty_person to keyturn_worker, keyturn_api`,
  // Nobody writes intervals but this function: not even the worker can date an answer back.
  `grant execute on function keyturn.observe_duty(jsonb) to keyturn_worker`,
];
