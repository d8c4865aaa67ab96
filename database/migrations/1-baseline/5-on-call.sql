-- Who is on call by the services that keep rotations, as intervals by the time at which Keyturn learned of it.

create table keyturn.duty_rotation (
  id bigint generated always as identity primary key,
  source text not null check (length(source) between 1 and 200),
  schedule text not null check (length(schedule) between 1 and 200),
  unique (source, schedule)
);

-- Spans in which no two answers were further apart than the least staleness that a policy may allow (two minutes): inside
-- of one, what is known is never too old. So a year of answers is a few rows.
create table keyturn.duty_heard (
  rotation bigint not null references keyturn.duty_rotation,
  heard_from timestamptz not null, heard_to timestamptz not null check (heard_to >= heard_from),
  primary key (rotation, heard_from)
);

-- Half-open. Accounts at the service, not people: whose they are is for the directory of each instant to say.
create table keyturn.duty_person (
  id bigint generated always as identity primary key,
  rotation bigint not null references keyturn.duty_rotation,
  is_on_duty boolean not null,
  issuer text not null check (length(issuer) between 1 and 2048),
  subject text not null check (length(subject) between 1 and 500),
  valid_from timestamptz not null, valid_to timestamptz check (valid_to > valid_from)
);
create unique index duty_person_open on keyturn.duty_person (rotation, is_on_duty, issuer, subject)
  where valid_to is null;
create index duty_person_past on keyturn.duty_person (rotation, valid_to);

grant select on keyturn.duty_rotation, keyturn.duty_heard, keyturn.duty_person to keyturn_worker, keyturn_api;
