import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Business tables, audit entries and who may do what to them. */
export class Spine1764000000000 implements MigrationInterface {
  readonly name = 'Spine1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...POLICY, ...REQUESTS, ...AUDIT, ...GRANTS]) await runner.query(statement);
  }

  /** Audit entries are never dropped by a migration. */
  async down(): Promise<void> {
    throw new Error('The first migration cannot be undone: it holds the audit log.');
  }
}

const POLICY = [
  `create table keyturn.policy_set (
     digest text primary key, body jsonb not null,
     installed_at timestamptz not null default clock_timestamp(), installed_by text not null)`,
  // One row: the claim of an execution takes it FOR SHARE, activation exclusively, so none slips between check and claim.
  `create table keyturn.policy_active (
     singleton boolean primary key default true check (singleton),
     generation bigint not null, digest text not null references keyturn.policy_set)`,
];

const REQUESTS = [
  `create table keyturn.request (
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
     created_at timestamptz not null, updated_at timestamptz not null, version bigint not null default 1)`,
  `create index request_newest on keyturn.request (created_at desc, id desc)`,
  `create index request_by_status on keyturn.request (status, created_at desc, id desc)`,
  `create index request_by_requester on keyturn.request (requester_issuer, requester_subject, created_at desc, id desc)`,
  `create index request_unfinished on keyturn.request (updated_at)
     where status in ('planning', 'pending', 'approved', 'executing', 'active')`,
  `create index request_inbox on keyturn.request using gin (open_selectors) where status = 'pending'`,
  `create index request_lineage on keyturn.request using gin (lineage jsonb_path_ops)`,
  `create table keyturn.plan (
     request text not null references keyturn.request, digest text not null, body jsonb not null,
     made_at timestamptz not null, primary key (request, digest))`,
  `create table keyturn.decision (
     id text primary key, request text not null references keyturn.request, round int not null,
     renewal int not null default 0, person text, verdict text not null, at timestamptz not null,
     grade text not null, seats jsonb not null, reviewer_issuer text not null, reviewer_subject text not null,
     channel text not null, envelope text not null, reason text,
     defer_until timestamptz, defer_to text,
     outcome text not null check (outcome in ('counted', 'refused')), refusal text,
     recorded_at timestamptz not null)`,
  `create index decision_by_request on keyturn.decision (request, round)`,
  // One person, one answer a round; a further answer exists only after the earlier one went stale (renewal).
  `create unique index decision_once on keyturn.decision (request, round, person, renewal)
     where outcome = 'counted' and verdict <> 'defer'`,
  `create table keyturn.execution (
     request text not null references keyturn.request, attempt int not null, idempotency_key text not null unique,
     decision_digest text not null, state text not null
       check (state in ('claimed', 'succeeded', 'failed', 'released', 'not_done', 'indeterminate')),
     transaction_id text, claimed_at timestamptz not null, settled_at timestamptz, outcome jsonb,
     primary key (request, attempt))`,
  // At most once: while a claim is open, done or unknown, there is no second one.
  `create unique index execution_once on keyturn.execution (request)
     where state in ('claimed', 'succeeded', 'indeterminate')`,
  // The first write of a step wins; a repeated local activity gets the stored result.
  `create table keyturn.step (
     request text not null, run_id text not null, step text not null, result jsonb not null,
     primary key (request, run_id, step))`,
];

const AUDIT = [
  `create table audit.entry (
     id bigint generated always as identity primary key,
     leaf text not null check (octet_length(leaf) <= 65535),
     event_id text not null generated always as (leaf::jsonb ->> 'id') stored unique,
     request text not null generated always as (leaf::jsonb -> 'stream' ->> 'request') stored,
     run_id text not null generated always as (leaf::jsonb -> 'stream' ->> 'run') stored,
     n int not null generated always as ((leaf::jsonb ->> 'n')::int) stored,
     type text not null generated always as (leaf::jsonb ->> 'type') stored,
     unique (request, run_id, n))`,
  `create table audit.payload (
     event_id text not null, part text not null, salt text not null, body text not null,
     primary key (event_id, part))`,
  `create table audit.subject (pseudonym text primary key, body jsonb not null)`,
  `create function audit.refuse_change() returns trigger language plpgsql as $$
     begin raise exception 'audit entries are append-only'; end $$`,
  `create trigger entry_append_only before update or delete on audit.entry
     for each row execute function audit.refuse_change()`,
  `create trigger entry_no_truncate before truncate on audit.entry
     for each statement execute function audit.refuse_change()`,
  `alter table audit.entry enable always trigger entry_append_only`,
  `alter table audit.entry enable always trigger entry_no_truncate`,
];

const GRANTS = [
  `grant usage on schema keyturn, audit to keyturn_worker, keyturn_api`,
  `grant select, insert, update on keyturn.request, keyturn.execution, keyturn.policy_active to keyturn_worker`,
  `grant select, insert on keyturn.plan, keyturn.decision, keyturn.step, keyturn.policy_set to keyturn_worker`,
  `grant select, insert on audit.entry, audit.payload, audit.subject to keyturn_worker`,
  `grant select on all tables in schema keyturn, audit to keyturn_api`,
];
