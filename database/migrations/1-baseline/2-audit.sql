-- The audit log. A leaf is the exact text that was hashed; the columns beside it are read out of it.
create table audit.entry (
  id bigint generated always as identity primary key,
  leaf text not null check (octet_length(leaf) <= 65535),
  event_id text not null generated always as (leaf::jsonb ->> 'id') stored unique,
  request text not null generated always as (leaf::jsonb -> 'stream' ->> 'request') stored,
  run_id text not null generated always as (leaf::jsonb -> 'stream' ->> 'run') stored,
  n int not null generated always as ((leaf::jsonb ->> 'n')::int) stored,
  type text not null generated always as (leaf::jsonb ->> 'type') stored,
  unique (request, run_id, n),
  -- Ids are unique in the whole log and entries stay for ever: a writer of one stream must not be able to take the id
  -- that an entry of another one will need.
  constraint entry_id_names_its_stream check (starts_with(event_id, request || '/'))
);

-- What an entry commits to by a salted digest, so that it can be erased.
create table audit.payload (
  event_id text not null, part text not null, salt text not null, body text not null,
  primary key (event_id, part)
);

-- Who a pseudonym is.
create table audit.subject (pseudonym text primary key, body jsonb not null);

grant select, insert on audit.entry, audit.payload, audit.subject to keyturn_worker;
grant select on audit.entry, audit.payload, audit.subject to keyturn_api;
