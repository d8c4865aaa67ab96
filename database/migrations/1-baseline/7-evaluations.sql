-- Evaluations of policy and their facts, reservations in counting windows, and answers on the spot.

-- By content: the same facts are stored once, and what an evaluation saw can be erased without touching what it said.
create table keyturn.fact_set (digest text primary key, body jsonb not null);

create table keyturn.evaluation (
  id bigint generated always as identity primary key,
  request text not null, round int not null,
  phase text not null check (phase in ('creation', 'planned', 'execution')),
  at timestamptz not null, policy_digest text not null, facts_digest text not null,
  directory_generation bigint not null,
  outcome jsonb not null
);
create index evaluation_by_request on keyturn.evaluation (request, id);
create index evaluation_by_time on keyturn.evaluation (at);

-- One reservation a request and window. `claimed_at` is null while the request may still be executed: until then it
-- counts at any age.
create table keyturn.window_reservation (
  id bigint generated always as identity primary key,
  window_id text not null, key text not null, request text not null, amount bigint not null check (amount >= 0),
  at timestamptz not null, released_at timestamptz, claimed_at timestamptz,
  unique (window_id, request)
);
create index window_reservation_by_key on keyturn.window_reservation
  (window_id, key, coalesce(claimed_at, 'infinity')) where released_at is null;

-- What was allowed on the spot, and which keys of gate requests went to a workflow instead: one row a key, and the
-- first one wins. `slot`, `nth` and `counted_at` number the answers to a requester, so that counting costs the same
-- however many.
create table keyturn.gate_answer (
  request text primary key, verdict text not null check (verdict in ('allowed', 'workflow')),
  schema_version int not null, intent_digest text not null, at timestamptz not null,
  requester_issuer text, requester_subject text, policy_digest text, envelope text, facts_digest text,
  risk text, risk_reasons jsonb, matched_rules jsonb, valid_until timestamptz,
  slot int, nth bigint, counted_at timestamptz,
  check ((verdict = 'allowed') = (valid_until is not null))
);
create index gate_answer_counted
  on keyturn.gate_answer (requester_issuer, requester_subject, slot, counted_at, nth) where verdict = 'allowed';

grant select, insert on keyturn.fact_set, keyturn.evaluation to keyturn_worker;
grant select, update (released_at, claimed_at) on keyturn.window_reservation to keyturn_worker;
grant select on keyturn.gate_answer to keyturn_worker;
grant select on keyturn.fact_set, keyturn.evaluation, keyturn.window_reservation, keyturn.gate_answer to keyturn_api;
