-- Answers on the spot. One row a key, and the first one wins: an answer and a workflow can never both exist for it.

-- Answer, entry, names, facts and evaluation, or none of them. The digest of the facts is made here, not believed.
create or replace function keyturn.allow_gate(asked jsonb) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  hindrance text := keyturn.gate_hindrance(asked -> 'snapshot');
  answer keyturn.gate_answer := jsonb_populate_record(null::keyturn.gate_answer, asked -> 'answer');
begin
  if hindrance is not null then return hindrance; end if;
  if asked -> 'answer' ->> 'policy_digest' is distinct from asked -> 'snapshot' ->> 'policy_digest' then
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
      (asked -> 'snapshot' ->> 'directory_generation')::bigint, asked -> 'outcome');
  return 'allowed';
end $$;
grant execute on function keyturn.allow_gate to keyturn_api;

-- Why nothing may be allowed on the spot now, or null. Held until the caller's transaction ends: what restricts from
-- its commit on (another policy, another directory, a kill switch) is read here, FOR SHARE, and nowhere else.
create or replace function keyturn.gate_hindrance(ground jsonb) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
end $$;
grant execute on function keyturn.gate_hindrance to keyturn_api;

-- The caller writes the text of the entry, so it is checked against the row: a caller with the role of the API can
-- record nothing else this way, and nothing about another request.
create or replace function keyturn.check_gate_leaf(leaf jsonb, answer keyturn.gate_answer, valid_until text)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if keyturn.check_leaf(leaf, answer.request, 'gate') <> 0
    or leaf ->> 'id' is distinct from answer.request || '/gate/allow/1'
    or leaf ->> 'type' is distinct from 'gate.allowed'
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
end $$;

-- The answers to a requester stand in a few rows of numbers, each without a gap and in the order of `counted_at`: how
-- many there were in a time is the difference of two numbers. The row of numbers is the caller's own until the
-- transaction ends; only when all of them are taken somebody waits. Rows are tried in order: the first one that was
-- never used ends them.
create or replace function keyturn.number_gate_answer(inout answer keyturn.gate_answer)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  requester bigint := hashtextextended(answer.requester_issuer || ' ' || answer.requester_subject, 0);
  newest record;
begin
  answer.slot := null;
  for candidate in 0..7 loop
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
end $$;

-- Gives a key to a workflow, unless it has gone one of the two ways already. Answers the way it went.
create or replace function keyturn.gate_to_workflow(
  of_request text, of_version int, of_intent text, out verdict text, out schema_version int,
  out intent_digest text
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into keyturn.gate_answer (request, verdict, schema_version, intent_digest, at)
    values (of_request, 'workflow', of_version, of_intent, clock_timestamp()) on conflict do nothing;
  select answer.verdict, answer.schema_version, answer.intent_digest
    into gate_to_workflow.verdict, gate_to_workflow.schema_version, gate_to_workflow.intent_digest
    from keyturn.gate_answer as answer where answer.request = of_request;
end $$;
grant execute on function keyturn.gate_to_workflow to keyturn_api, keyturn_worker;
