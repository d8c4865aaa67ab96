-- Policy changes together with its audit entry, or not at all.

-- The set, its activation, the directory of its file and the entry of all three. Another policy than the first one
-- comes from the open claim of a request that publishes this very policy in place of the active one, or its entry says
-- that people installed it by hand. The files of the last activation are those that the next change is compared with.
create or replace function keyturn.activate_policy(installed jsonb, set_text text, leaf text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  known keyturn.policy_active; counts jsonb; next bigint;
  body jsonb := leaf::jsonb;
  facts jsonb := body -> 'facts';
  set_digest text := 'sha256:' || encode(sha256(convert_to(set_text, 'UTF8')), 'hex');
begin
  perform pg_advisory_xact_lock(hashtext('keyturn.policy_active'));
  select * into known from keyturn.policy_active for update;
  next := coalesce(known.generation, 0) + 1;
  if known.digest is not null and facts ->> 'recovery' is distinct from 'true'
    and not keyturn.is_publishing(facts ->> 'request', known.digest, set_digest) then
    raise exception 'no request publishes this policy, and nobody recovers by it';
  end if;
  insert into keyturn.policy_set (digest, body, sources, installed_at, installed_by)
    values (set_digest, set_text::jsonb, installed ->> 'sources', (installed ->> 'at')::timestamptz,
      installed ->> 'by')
    on conflict (digest) do update set sources = coalesce(excluded.sources, policy_set.sources);
  insert into keyturn.policy_active (singleton, generation, digest) values (true, next, set_digest)
    on conflict (singleton) do update set generation = excluded.generation, digest = excluded.digest;
  counts := keyturn.apply_file_directory(set_text::jsonb -> 'directory', keyturn.next_directory_instant());
  perform keyturn.check_leaf(body, 'policy', 'policy');
  if body ->> 'id' is distinct from 'policy/policy/install/' || next || '/1'
    or body ->> 'type' is distinct from 'policy.installed'
    or body -> 'policy' ->> 'digest' is distinct from set_digest
    or not (facts @> jsonb_build_object(
      'digest', set_digest, 'generation', next, 'replaces', known.digest, 'directory', counts)) then
    raise exception 'not the next entry about this policy';
  end if;
  insert into audit.entry (leaf) values (leaf);
end $$;
grant execute on function keyturn.activate_policy to keyturn_worker;

-- True when the request holds an open claim on a plan of exactly this publication. The fingerprint of such a plan is
-- the digest of both policies' digests, so it can be made again here.
create or replace function keyturn.is_publishing(of_request text, base text, candidate text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
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
$$;

-- One proposal at a time, since each entry follows from the last one, which is what this gives.
create or replace function keyturn.lock_policy_proposals() returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('keyturn.policy_candidate', 0));
  return (select entry.leaf from audit.entry
    where entry.request = 'proposals' and entry.run_id = 'proposals' order by entry.n desc limit 1);
end $$;
grant execute on function keyturn.lock_policy_proposals to keyturn_api;

-- Keeps a proposal with its entry. False when it is kept already: the first proposer stays its author, also of the
-- files that are read. The entry is checked, so a caller with the role of the API can record nothing else this way.
create or replace function keyturn.propose_policy(candidate jsonb, entry jsonb, subjects jsonb)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  leaf text := entry ->> 'leaf';
  body jsonb := leaf::jsonb;
begin
  perform keyturn.lock_policy_proposals();
  insert into keyturn.policy_candidate (digest, body, sources, proposed_at, person, issuer, subject)
    values (candidate ->> 'digest', candidate ->> 'body', candidate ->> 'sources',
      (candidate ->> 'at')::timestamptz, candidate ->> 'person', candidate ->> 'issuer', candidate ->> 'subject')
    on conflict (digest) do nothing;
  if not found then return false; end if;
  if body ->> 'id' is distinct from 'proposals/' || keyturn.check_leaf(body, 'proposals', 'proposals')
    or body ->> 'type' is distinct from 'policy.proposed'
    or body -> 'facts' ->> 'digest' is distinct from candidate ->> 'digest'
    or body -> 'actor' ->> 'kind' is distinct from 'person' then
    raise exception 'not the next entry about this candidate';
  end if;
  insert into audit.entry (leaf) values (leaf);
  insert into audit.subject (pseudonym, body)
    select known.key, known.value from jsonb_each(subjects) as known on conflict do nothing;
  return true;
end $$;
grant execute on function keyturn.propose_policy to keyturn_api;
