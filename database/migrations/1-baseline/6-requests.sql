-- Requests, their plans, decisions and executions. The worker writes them, and of a request only how it stands: what
-- was signed, and its run, stay as they were received.

-- Instants are of a form that every program can write (four digits of years) and lists are lists: one row stops the lists of
-- nobody. `owner_key` is what the owners are looked up by, for actions whose arguments name it, kept from the receipt on.
create table keyturn.request (
  id text primary key, run_id text not null, envelope text not null,
  action text not null, schema_version int not null, target text not null, environment text not null,
  mode text not null, intent_digest text not null, lineage jsonb not null,
  requester_issuer text not null, requester_subject text not null, creation_policy_digest text not null,
  status text not null, denied_by text check (denied_by in ('person', 'policy')),
  round int not null default 0, plan_digest text, decision_digest text, requirement jsonb,
  risk text, risk_reasons jsonb, matched_rules jsonb, summary text,
  open_selectors text[] not null default '{}',
  pending_since timestamptz, first_pending_at timestamptz, expires_at timestamptz,
  failure jsonb, result jsonb,
  created_at timestamptz not null, updated_at timestamptz not null, version bigint not null default 1,
  shortage jsonb, held_until timestamptz, is_break_glass boolean not null default false, clocks jsonb,
  owner_key jsonb constraint owner_key_short check (octet_length(owner_key::text) <= 8192),
  constraint request_status check (status in ('planning', 'pending', 'approved', 'executing', 'succeeded', 'failed',
    'indeterminate', 'active', 'revoked', 'denied', 'expired', 'cancelled')),
  constraint request_updated_at check (updated_at between '0001-01-01T00:00:00Z' and '9999-12-31T00:00:00Z'),
  constraint request_created_at check (created_at between '0001-01-01T00:00:00Z' and '9999-12-31T00:00:00Z'),
  constraint request_pending_since check (pending_since between '0001-01-01T00:00:00Z' and '9999-12-31T00:00:00Z'),
  constraint request_first_pending_at
    check (first_pending_at between '0001-01-01T00:00:00Z' and '9999-12-31T00:00:00Z'),
  constraint request_expires_at check (expires_at between '0001-01-01T00:00:00Z' and '9999-12-31T00:00:00Z'),
  constraint request_held_until check (held_until between '0001-01-01T00:00:00Z' and '9999-12-31T00:00:00Z'),
  constraint request_risk_reasons check (jsonb_typeof(risk_reasons) = 'array'),
  constraint request_matched_rules check (jsonb_typeof(matched_rules) = 'array'),
  constraint request_shortage check (jsonb_typeof(shortage) = 'array'),
  constraint request_requirement
    check (requirement is null or coalesce(jsonb_typeof(requirement -> 'rules') = 'array', false))
);
create index request_newest on keyturn.request (created_at desc, id desc);
create index request_by_status on keyturn.request (status, created_at desc, id desc);
create index request_by_requester on keyturn.request (requester_issuer, requester_subject, created_at desc, id desc);
create index request_unfinished on keyturn.request (updated_at)
  where status in ('planning', 'pending', 'approved', 'executing', 'active');
create index request_inbox on keyturn.request using gin (open_selectors) where status = 'pending';
create index request_lineage on keyturn.request using gin (lineage jsonb_path_ops);
-- The few break-glass requests: the program that opens their reviews looks every few seconds.
create index request_emergency on keyturn.request (updated_at, id) where is_break_glass;
-- Earlier requests with the same intent: reviewers see whether one was denied.
create index request_intent on keyturn.request (intent_digest, created_at desc);

-- Digests in `alike`: what two plans share is one thing to their reviewers.
create table keyturn.plan (
  request text not null references keyturn.request, digest text not null, body jsonb not null,
  made_at timestamptz not null, alike text[] not null default '{}', primary key (request, digest)
);
create index plan_alike on keyturn.plan using gin (alike);

create table keyturn.decision (
  id text primary key, request text not null references keyturn.request, round int not null,
  renewal int not null default 0, person text, verdict text not null, at timestamptz not null,
  grade text not null, seats jsonb not null, reviewer_issuer text not null, reviewer_subject text not null,
  channel text not null, envelope text not null, reason text,
  defer_until timestamptz, defer_to text,
  outcome text not null check (outcome in ('counted', 'refused')), refusal text,
  recorded_at timestamptz not null
);
create index decision_by_request on keyturn.decision (request, round);
-- One person, one answer a round; a further answer exists only after the earlier one went stale (renewal).
create unique index decision_once on keyturn.decision (request, round, person, renewal)
  where outcome = 'counted' and verdict <> 'defer';

-- `unanswered_*`: since when the target has left questions about a claim unanswered, and when it last did.
create table keyturn.execution (
  request text not null references keyturn.request, attempt int not null, idempotency_key text not null unique,
  decision_digest text not null, state text not null
    check (state in ('claimed', 'succeeded', 'failed', 'released', 'not_done', 'indeterminate')),
  transaction_id text, claimed_at timestamptz not null, settled_at timestamptz, outcome jsonb,
  unanswered_since timestamptz, unanswered_at timestamptz,
  primary key (request, attempt)
);
-- At most once: while a claim is open, done or unknown, there is no second one.
create unique index execution_once on keyturn.execution (request)
  where state in ('claimed', 'succeeded', 'indeterminate');

-- The first write of a step wins; a repeated local activity gets the stored result.
create table keyturn.step (
  request text not null, run_id text not null, step text not null, result jsonb not null,
  primary key (request, run_id, step)
);

-- What the API has acknowledged and the workflow has not consumed yet: decisions and withdrawals as the API signed them.
-- Who can write to the namespace can swallow a signal, or fill a workflow until it takes none; not these rows.
create table keyturn.kept_message (
  id text primary key check (id ~ '^(dec|wdr)_[a-z2-7]{26}$'), request text not null,
  kind text not null check (kind in ('decide', 'withdraw')),
  envelope text not null check (octet_length(envelope) <= 1048576),
  kept_at timestamptz not null default clock_timestamp(), consumed_at timestamptz
);
create index kept_message_open on keyturn.kept_message (request, kept_at) where consumed_at is null;

-- How often an account was refused with a code: not every attempt has an entry.
create table keyturn.refused_attempt (
  request text not null, account text not null, code text not null,
  attempts bigint not null, primary key (request, account, code)
);

-- Why a target gave no answer for a request the last time; shown when the request ends because of it.
create table keyturn.target_trouble (
  request text primary key references keyturn.request,
  cause text not null check (length(cause) between 1 and 500),
  at timestamptz not null
);

-- What was rehearsed at targets lately, and by whom. `is_undecided`: nobody decided anything of it. `is_telling`: it was
-- planned, or refused for what data or the statement decided.
create table keyturn.rehearsal (
  id bigint generated always as identity primary key,
  request text not null, root text not null, target text not null,
  started_at timestamptz not null, lease_until timestamptz not null, ended_at timestamptz,
  is_refused boolean not null default false, is_undecided boolean not null default false,
  is_telling boolean not null default true
);
create index rehearsal_by_root on keyturn.rehearsal (root, started_at);
create index rehearsal_by_target on keyturn.rehearsal (target, started_at);
create index rehearsal_by_time on keyturn.rehearsal (started_at);
create index rehearsal_by_request on keyturn.rehearsal (request);

grant select, insert on keyturn.request, keyturn.plan, keyturn.decision, keyturn.execution, keyturn.step
  to keyturn_worker;
grant update (status, denied_by, round, plan_digest, decision_digest, requirement, risk, risk_reasons, matched_rules,
  summary, open_selectors, pending_since, first_pending_at, expires_at, clocks, failure, result, shortage,
  is_break_glass, held_until, updated_at, version) on keyturn.request to keyturn_worker;
grant update (state, transaction_id, settled_at, outcome, unanswered_since, unanswered_at) on keyturn.execution
  to keyturn_worker;
grant select, update (consumed_at) on keyturn.kept_message to keyturn_worker;
grant select, insert, update on keyturn.target_trouble to keyturn_worker;
grant select on keyturn.request, keyturn.plan, keyturn.decision, keyturn.execution, keyturn.step, keyturn.kept_message
  to keyturn_api;
