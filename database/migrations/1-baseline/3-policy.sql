-- Policy: the sets that were ever active, which one is, what was proposed, and what activated what. No role of a program
-- writes sets or activations; the functions of policy do. `sources` are the YAML files that a policy was compiled from: the
-- canonical JSON of the files by path and of the variables that they read.

create table keyturn.policy_set (
  digest text primary key, body jsonb not null,
  installed_at timestamptz not null default clock_timestamp(), installed_by text not null,
  sources text
);

-- One row: the claim of an execution takes it FOR SHARE, activation exclusively, so none slips between check and claim.
create table keyturn.policy_active (
  singleton boolean primary key default true check (singleton),
  generation bigint not null, digest text not null references keyturn.policy_set
);

-- The canonical text, so that the database itself can check that the digest is its digest.
create table keyturn.policy_candidate (
  digest text primary key, body text not null check (octet_length(body) <= 1048576),
  proposed_at timestamptz not null, person text not null, issuer text not null, subject text not null,
  sources text not null check (octet_length(sources) <= 2097152),
  check (digest = 'sha256:' || encode(sha256(convert_to(body, 'UTF8')), 'hex'))
);

-- Which execution of a request activated which policy. Without a digest: nothing was activated with this key, and never
-- will be.
create table keyturn.policy_activation (
  idempotency_key text primary key, request text not null, digest text, generation bigint,
  at timestamptz not null, check ((digest is null) = (generation is null))
);

-- Which changes of rules and people waiting requests have been held against.
create table keyturn.reconsideration (
  singleton boolean primary key default true check (singleton), seen text not null
);
insert into keyturn.reconsideration (seen) values ('');

grant select on keyturn.policy_set, keyturn.policy_active, keyturn.policy_candidate, keyturn.policy_activation
  to keyturn_worker, keyturn_api;
-- Without some UPDATE there is no FOR SHARE. This one column can only be true.
grant update (singleton) on keyturn.policy_active to keyturn_worker;
grant insert on keyturn.policy_activation to keyturn_worker;
grant select, update on keyturn.reconsideration to keyturn_worker;
