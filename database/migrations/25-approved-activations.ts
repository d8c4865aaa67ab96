import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A policy becomes the active one by the open claim of a request that publishes this very policy in place of the active
 * one, after somebody proposed it. And what was signed of a request, and what was claimed, is written once: the role of
 * the worker changes how a request stands, not what it is about.
 */
export class ApprovedActivations1764910000000 implements MigrationInterface {
  readonly name = 'ApprovedActivations1764910000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [PUBLISHES, ACTIVATE, ...GRANTS]) await runner.query(statement);
  }

  /** The earlier function took any request that was made to look like one that publishes. */
  async down(): Promise<void> {
    throw new Error('The migration of approved activations cannot be undone: it forbids what was possible.');
  }
}

const SAFE = `set search_path = pg_catalog, pg_temp`;

/**
 * True when the request holds an open claim on a plan of exactly this publication. The fingerprint of such a plan is the
 * digest of both policies' digests, so it can be made again here.
 */
const PUBLISHES = `
  create function keyturn.is_publishing(of_request text, base text, candidate text) returns boolean
  language sql stable ${SAFE} as $$
    select exists (
      select from keyturn.request asked
        join keyturn.execution claim on claim.request = asked.id and claim.state = 'claimed'
          and claim.decision_digest = asked.decision_digest
        join audit.entry claimed on claimed.request = asked.id and claimed.run_id = asked.run_id
          and claimed.type = 'execution.claimed'
          and claimed.leaf::jsonb -> 'facts' ->> 'attempt' = claim.attempt::text
          and claimed.leaf::jsonb -> 'facts' ->> 'idempotency_key' = claim.idempotency_key
        join audit.entry opened on opened.request = asked.id and opened.run_id = asked.run_id
          and opened.type in ('request.pending', 'request.allowed')
          and opened.leaf::jsonb ->> 'decision_digest' = claim.decision_digest
        join audit.entry planned on planned.request = asked.id and planned.run_id = asked.run_id
          and planned.type = 'request.planned' and planned.n < opened.n
          and planned.leaf::jsonb -> 'facts' ->> 'plan_digest' = opened.leaf::jsonb -> 'facts' ->> 'plan_digest'
        join audit.entry received on received.request = asked.id and received.run_id = asked.run_id
          and received.type = 'request.received'
          and received.leaf::jsonb -> 'facts' ->> 'action' = 'keyturn.policy.publish'
      where asked.id = of_request and asked.action = 'keyturn.policy.publish' and asked.status = 'executing'
        and planned.leaf::jsonb -> 'facts' ->> 'fingerprint' = 'sha256:' || encode(sha256(convert_to(
          '{"base":"' || base || '","candidate":"' || candidate || '"}', 'UTF8')), 'hex'))
      and exists (select from keyturn.policy_candidate where digest = candidate)
  $$`;

/** As before, but for what a request must be that activates a policy. */
const ACTIVATE = `
  create or replace function keyturn.activate_policy(installed jsonb, set_text text, leaf text) returns void
  language plpgsql security definer ${SAFE} as $$
  declare
    known keyturn.policy_active; counts jsonb; next bigint;
    facts jsonb := leaf::jsonb -> 'facts';
    set_digest text := 'sha256:' || encode(sha256(convert_to(set_text, 'UTF8')), 'hex');
  begin
    perform pg_advisory_xact_lock(hashtext('keyturn.policy_active'));
    select * into known from keyturn.policy_active for update;
    next := coalesce(known.generation, 0) + 1;
    if known.digest is not null and facts ->> 'recovery' is distinct from 'true'
      and not keyturn.is_publishing(facts ->> 'request', known.digest, set_digest) then
      raise exception 'no request publishes this policy, and nobody recovers by it';
    end if;
    insert into keyturn.policy_set (digest, body, installed_at, installed_by)
      values (set_digest, set_text::jsonb, (installed ->> 'at')::timestamptz, installed ->> 'by')
      on conflict (digest) do nothing;
    insert into keyturn.policy_active (singleton, generation, digest) values (true, next, set_digest)
      on conflict (singleton) do update set generation = excluded.generation, digest = excluded.digest;
    counts := keyturn.apply_file_directory(set_text::jsonb -> 'directory', keyturn.next_directory_instant());
    perform keyturn.check_policy_entry(leaf, jsonb_build_object(
      'digest', set_digest, 'generation', next, 'replaces', known.digest, 'directory', counts));
    insert into audit.entry (leaf) values (leaf);
  end $$`;

/** All that a step changes of a request. What was signed, and its run, stay as they were received. */
const REQUEST_COLUMNS = `
  status, denied_by, round, plan_digest, decision_digest, requirement, risk, risk_reasons, matched_rules, summary,
  open_selectors, pending_since, first_pending_at, expires_at, clocks, failure, result, shortage, is_break_glass,
  held_until, updated_at, version`;

const GRANTS = [
  'revoke execute on function keyturn.is_publishing from public',
  'revoke update on keyturn.request, keyturn.execution from keyturn_worker',
  `grant update (${REQUEST_COLUMNS}) on keyturn.request to keyturn_worker`,
  'grant update (state, transaction_id, settled_at, outcome) on keyturn.execution to keyturn_worker',
  'grant select on keyturn.kept_message to keyturn_api',
];
