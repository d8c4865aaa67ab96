import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was allowed on the spot, and which keys of gate requests went to a workflow instead. */
export class GateAnswers1764500000000 implements MigrationInterface {
  readonly name = 'GateAnswers1764500000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLE, HINDRANCE, CHECK_LEAF, ALLOW, TAKE, ...GRANTS])
      await runner.query(statement);
  }

  /** A key that was answered must never be answered anew, and its audit entry stays. */
  async down(): Promise<void> {
    throw new Error('The migration of gate answers cannot be undone: their keys would be free again.');
  }
}

/** One row a key, whoever comes first: an answer and a workflow can never both exist for it. */
const TABLE = [
  `create table keyturn.gate_answer (
     request text primary key, verdict text not null check (verdict in ('allowed', 'workflow')),
     schema_version int not null, intent_digest text not null, at timestamptz not null,
     requester_issuer text, requester_subject text, policy_digest text, envelope text, facts_digest text,
     risk text, risk_reasons jsonb, matched_rules jsonb, valid_until timestamptz,
     check ((verdict = 'allowed') = (valid_until is not null)))`,
  `create index gate_answer_by_requester on keyturn.gate_answer (requester_issuer, requester_subject, at)
     where verdict = 'allowed'`,
];

/**
 * Why nothing may be allowed on the spot now, or null. Held until the caller's transaction ends: what restricts from
 * its commit on (another policy, another directory, a kill switch) is asked about here, FOR SHARE, and nowhere else.
 */
const HINDRANCE = `
  create function keyturn.gate_hindrance(ground jsonb)
  returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform 1 from keyturn.policy_active where digest = ground ->> 'policy_digest' for share;
    if not found then return 'policy_changed'; end if;
    perform 1 from keyturn.directory_state
      where generation::text = ground ->> 'directory_generation' for share;
    if not found then return 'policy_changed'; end if;
    perform 1 from keyturn.kill_switch_state for share;
    if not found then return 'policy_changed'; end if;
    perform 1 from keyturn.kill_switch where lifted_at is null and not (ground -> 'switches') ? id;
    if found then return 'policy_changed'; end if;
    return null;
  end $$`;

/**
 * The caller writes the text of the entry, so it is checked against the row: whoever has the role of the API can record
 * nothing else this way, and nothing about another request.
 */
const CHECK_LEAF = `
  create function keyturn.check_gate_leaf(leaf jsonb, answer keyturn.gate_answer, valid_until text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
  begin
    if leaf -> 'stream' is distinct from jsonb_build_object('request', answer.request, 'run', 'gate')
      or leaf ->> 'id' is distinct from answer.request || '/gate/allow/1'
      or leaf ->> 'type' is distinct from 'gate.allowed'
      or leaf -> 'n' is distinct from '0'::jsonb
      or leaf -> 'prev' is distinct from 'null'::jsonb
      or leaf ->> 'intent_digest' is distinct from answer.intent_digest
      or leaf -> 'policy' ->> 'digest' is distinct from answer.policy_digest
      or leaf -> 'facts' ->> 'facts_digest' is distinct from answer.facts_digest
      or leaf -> 'facts' ->> 'valid_until' is distinct from valid_until
      or leaf -> 'evidence' -> 'refs' is distinct from jsonb_build_array(
        'sha256:' || encode(sha256(convert_to(answer.envelope, 'UTF8')), 'hex')) then
      raise exception 'not the entry of this gate answer';
    end if;
    if answer.valid_until > clock_timestamp() + interval '1 day 5 minutes' then
      raise exception 'a gate answer cannot be valid that long';
    end if;
  end $$`;

/** Answer, entry, names, facts and evaluation, or none of them. The digest of the facts is made here, not believed. */
const ALLOW = `
  create function keyturn.allow_gate(asked jsonb)
  returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    hindrance text := keyturn.gate_hindrance(asked -> 'ground');
    answer keyturn.gate_answer := jsonb_populate_record(null::keyturn.gate_answer, asked -> 'answer');
  begin
    if hindrance is not null then return hindrance; end if;
    if asked -> 'answer' ->> 'policy_digest' is distinct from asked -> 'ground' ->> 'policy_digest' then
      raise exception 'not the policy that was judged by';
    end if;
    answer.verdict := 'allowed';
    answer.facts_digest := 'sha256:' || encode(sha256(convert_to(asked ->> 'facts', 'UTF8')), 'hex');
    if exists (select 1 from keyturn.request where id = answer.request) then return 'taken'; end if;
    insert into keyturn.gate_answer select answer.* on conflict do nothing;
    if not found then return 'taken'; end if;
    perform keyturn.check_gate_leaf(
      (asked ->> 'leaf')::jsonb, answer, asked -> 'answer' ->> 'valid_until');
    insert into audit.entry (leaf) values (asked ->> 'leaf');
    insert into audit.subject (pseudonym, body)
      select known.key, known.value from jsonb_each(asked -> 'subjects') as known on conflict do nothing;
    insert into keyturn.fact_set (digest, body)
      values (answer.facts_digest, (asked ->> 'facts')::jsonb) on conflict do nothing;
    insert into keyturn.evaluation
      (request, round, phase, at, policy_digest, facts_digest, directory_generation, outcome)
      values (answer.request, 1, 'planned', answer.at, answer.policy_digest, answer.facts_digest,
        (asked -> 'ground' ->> 'directory_generation')::bigint, asked -> 'outcome');
    return 'allowed';
  end $$`;

/** Gives a key to a workflow, unless it has gone one of the two ways already. Answers the way it went. */
const TAKE = `
  create function keyturn.gate_to_workflow(
    of_request text, of_version int, of_intent text, out verdict text, out schema_version int, out intent_digest text)
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    insert into keyturn.gate_answer (request, verdict, schema_version, intent_digest, at)
      values (of_request, 'workflow', of_version, of_intent, clock_timestamp()) on conflict do nothing;
    select answer.verdict, answer.schema_version, answer.intent_digest
      into gate_to_workflow.verdict, gate_to_workflow.schema_version, gate_to_workflow.intent_digest
      from keyturn.gate_answer as answer where answer.request = of_request;
  end $$`;

const GRANTS = [
  `revoke execute on function keyturn.gate_hindrance, keyturn.check_gate_leaf, keyturn.allow_gate,
     keyturn.gate_to_workflow from public`,
  `grant execute on function keyturn.gate_hindrance, keyturn.allow_gate to keyturn_api`,
  `grant execute on function keyturn.gate_to_workflow to keyturn_api, keyturn_worker`,
  `grant select on keyturn.gate_answer to keyturn_api, keyturn_worker`,
];
