import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Answers on the spot are numbered, so that counting a requester's past costs the same however many there are. */
export class GateFunctions1764800000000 implements MigrationInterface {
  readonly name = 'GateFunctions1764800000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...NUMBERS, PLACE, ALLOW, REVOKE]) await runner.query(statement);
  }

  /** Whoever goes back to the earlier function would leave answers without a number. */
  async down(): Promise<void> {
    throw new Error('The migration of gate functions cannot be undone: answers would no longer be counted.');
  }
}

/** Rows of numbers that a requester has. More of them only make counting slower. */
export const GATE_SLOTS = 8;

/**
 * The answers to a requester stand in a few rows of numbers, each without a gap and in the order of `counted_at`: how many
 * there were in a time is the difference of two numbers. Several rows, so that simultaneous answers need not wait for each
 * other.
 */
const NUMBERS = [
  `alter table keyturn.gate_answer
     add column slot int, add column nth bigint, add column counted_at timestamptz`,
  `update keyturn.gate_answer as answer set slot = 0, nth = known.nth, counted_at = answer.at
     from (select request, row_number() over (partition by requester_issuer, requester_subject order by at) as nth
           from keyturn.gate_answer where verdict = 'allowed') as known
     where known.request = answer.request`,
  `create index gate_answer_counted
     on keyturn.gate_answer (requester_issuer, requester_subject, slot, counted_at, nth) where verdict = 'allowed'`,
  'drop index keyturn.gate_answer_by_requester',
];

/**
 * Numbers an answer. The row of numbers is its own until the transaction ends; only when all of them are taken somebody
 * waits. Rows are tried in order: the first one that was never used ends them.
 */
const PLACE = `
  create function keyturn.number_gate_answer(inout answer keyturn.gate_answer)
  language plpgsql set search_path = pg_catalog, pg_temp as $$
  declare
    requester bigint := hashtextextended(answer.requester_issuer || ' ' || answer.requester_subject, 0);
    newest record;
  begin
    answer.slot := null;
    for candidate in 0..${GATE_SLOTS - 1} loop
      if pg_try_advisory_xact_lock(requester # candidate) then
        answer.slot := candidate;
        exit;
      end if;
    end loop;
    if answer.slot is null then
      answer.slot := 0;
      perform pg_advisory_xact_lock(requester);
    end if;
    select known.nth, known.counted_at into newest from keyturn.gate_answer as known
      where known.requester_issuer = answer.requester_issuer
        and known.requester_subject = answer.requester_subject
        and known.slot = answer.slot and known.verdict = 'allowed'
      order by known.counted_at desc, known.nth desc limit 1;
    answer.nth := coalesce(newest.nth, 0) + 1;
    answer.counted_at := greatest(newest.counted_at, clock_timestamp());
  end $$`;

/** As before, and numbered. */
const ALLOW = `
  create or replace function keyturn.allow_gate(asked jsonb)
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
    answer := keyturn.number_gate_answer(answer);
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

const REVOKE = 'revoke execute on function keyturn.number_gate_answer from public';
