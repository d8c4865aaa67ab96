-- Kill switches, written through functions only: none is engaged or released without its audit entry.

create table keyturn.kill_switch (
  id text primary key,
  scope_kind text not null check (scope_kind in ('agent', 'action', 'target', 'all')),
  scope_value text, account jsonb, reason text not null,
  thrown_by text not null, thrown_at timestamptz not null, lifted_at timestamptz,
  check ((scope_kind = 'all') = (scope_value is null))
);
create index kill_switch_on on keyturn.kill_switch (thrown_at, id) where lifted_at is null;

-- One person's confirmation each. It may be sent again when its answer was lost: `call` is a keyed digest of its
-- Idempotency-Key and of what it said.
create table keyturn.kill_switch_lift (
  switch text not null references keyturn.kill_switch, person text not null,
  at timestamptz not null, call text check (length(call) <= 100), primary key (switch, person)
);

-- One row: the claim of an execution takes it FOR SHARE, engaging and releasing exclusively.
create table keyturn.kill_switch_state (
  singleton boolean primary key default true check (singleton), generation bigint not null
);
insert into keyturn.kill_switch_state (generation) values (0);

grant select on keyturn.kill_switch, keyturn.kill_switch_lift, keyturn.kill_switch_state to keyturn_worker, keyturn_api;
-- Without some UPDATE there is no FOR SHARE. This one column can only be true.
grant update (singleton) on keyturn.kill_switch_state to keyturn_worker;
