-- Proofs of decisions that were begun. They are no facts of their own: what was proven is signed with the decision, and its
-- entry is the worker's.

-- For ten minutes. Those that are over for a day are forgotten.
create or replace function keyturn.begin_decision_proof(begun jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  instant timestamptz := clock_timestamp();
  stored keyturn.decision_proof;
begin
  delete from keyturn.decision_proof where expires_at < instant - interval '1 day';
  insert into keyturn.decision_proof
      (id, session, person, request, grade, verdict, decision_digest, view_digest, random, expires_at)
    values (begun ->> 'id', begun ->> 'session', begun ->> 'person', begun ->> 'request', begun ->> 'grade',
      begun ->> 'verdict', begun ->> 'decision_digest', begun ->> 'view_digest', begun ->> 'random',
      instant + interval '10 minutes')
    returning * into stored;
  return to_jsonb(stored);
end $$;
grant execute on function keyturn.begin_decision_proof to keyturn_api;

-- True once, while it is not over.
create or replace function keyturn.use_decision_proof(of_proof text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  used keyturn.decision_proof;
begin
  update keyturn.decision_proof set used_at = clock_timestamp()
    where id = of_proof and used_at is null and expires_at > clock_timestamp()
    returning * into used;
  if used.token_digest is not null then
    insert into keyturn.id_token (digest, request, sealed, kept_at)
      values (used.token_digest, used.request, used.sealed_token, used.used_at);
    update keyturn.decision_proof set sealed_token = null where id = of_proof;
  end if;
  return used.id is not null;
end $$;
grant execute on function keyturn.use_decision_proof to keyturn_api;

-- What the provider answered in this session, once. It can be used as long as the token says, and no longer than before.
create or replace function keyturn.answer_decision_proof(answer jsonb) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update keyturn.decision_proof
    set token_digest = answer ->> 'digest', sealed_token = answer ->> 'sealed',
      expires_at = least(expires_at, (answer ->> 'expires_at')::timestamptz)
    where id = answer ->> 'id' and session = answer ->> 'session' and grade = 'B'
      and used_at is null and token_digest is null and expires_at > clock_timestamp();
  return found;
end $$;
grant execute on function keyturn.answer_decision_proof to keyturn_api;
