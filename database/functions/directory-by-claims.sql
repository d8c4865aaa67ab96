-- Groups whose members are seen in the tokens that people sign in with.

-- What a verified token lists. When that changes who is in a group, nothing is written without the entry that says
-- exactly so: the answer is then what it must say. Null: it is done.
create or replace function keyturn.see_claims(seen jsonb, leaf text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  instant timestamptz; changes jsonb;
  speaker text := 'claims:' || (seen ->> 'issuer');
  facts jsonb := leaf::jsonb -> 'facts';
begin
  -- Inside of what is undone: without its entry this holds no lock.
  instant := keyturn.next_directory_instant();
  if keyturn.person_of_account(seen ->> 'issuer', seen ->> 'subject') is distinct from seen ->> 'person' then
    raise exception 'the account is not of this person' using errcode = 'KT001';
  end if;
  if not keyturn.keep_claims(seen, instant) then
    return null;
  end if;
  changes := keyturn.settle_claims(seen ->> 'person', instant);
  if changes = '{"joined": [], "left": [], "renewed": []}' then
    return null;
  end if;
  if facts is distinct from changes || jsonb_build_object('authority', speaker, 'person', seen ->> 'pseudonym') then
    raise exception 'the entry does not say what changed' using errcode = 'KT003';
  end if;
  perform keyturn.count_directory_change(instant);
  perform keyturn.append_directory_leaf(speaker, leaf);
  insert into audit.subject (pseudonym, body)
    values (seen ->> 'pseudonym', jsonb_build_object('person', seen ->> 'person')) on conflict do nothing;
  return null;
exception when sqlstate 'KT003' then
  return changes;
end $$;
grant execute on function keyturn.see_claims to keyturn_api;

-- Keeps what the newest token of an account lists. An older one says nothing. Of two that were issued in the same
-- second nobody can tell which is newer: what only one of them lists is not listed. KT005 tells a token that is issued
-- ahead of the clock from a fault.
create or replace function keyturn.keep_claims(seen jsonb, instant timestamptz) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  known keyturn.claims_seen;
  issued timestamptz := to_timestamp((seen ->> 'issued_at')::double precision);
  digest text := seen ->> 'claim_digest';
  listing text[] := array(select jsonb_array_elements_text(seen -> 'listed'));
begin
  if issued > instant + interval '1 minute' then
    raise exception 'the token is issued ahead of the clock' using errcode = 'KT005';
  end if;
  if cardinality(listing) > 200 then
    raise exception 'not what a token can say';
  end if;
  select * into known from keyturn.claims_seen one
    where (one.issuer, one.subject) = (seen ->> 'issuer', seen ->> 'subject');
  if known.issued_at > issued then
    return false;
  end if;
  if known.issued_at = issued and known.claim_digest is distinct from digest then
    digest := null;
    listing := array(select unnest(listing) intersect select unnest(known.listed));
  end if;
  insert into keyturn.claims_seen (issuer, subject, person, issued_at, claim_digest, listed, seen_at)
    values (seen ->> 'issuer', seen ->> 'subject', seen ->> 'person', issued, digest, listing, instant)
    on conflict (issuer, subject) do update set person = excluded.person, issued_at = excluded.issued_at,
      claim_digest = excluded.claim_digest, listed = excluded.listed, seen_at = excluded.seen_at;
  return true;
end $$;

-- Makes the open memberships what was seen. One that goes on is written again only when a quarter of its age is won by
-- it: each such change is read by every process. Answers the groups that changed, by how.
create or replace function keyturn.settle_claims(of_person text, instant timestamptz) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare ended text[]; lapsed text[]; begun text[];
begin
  with closed as (
    update keyturn.membership known set valid_to = instant
      where valid_to is null and lapses_at is not null and (of_person is null or person = of_person)
        and not exists (select from keyturn.claimed_memberships(of_person, instant) wanted
          where (wanted.group_id, wanted.person) = (known.group_id, known.person)
            and known.lapses_at > instant
            and wanted.lapses_at between known.lapses_at and known.lapses_at + wanted.maximum_age / 4)
      returning known.group_id, known.lapses_at > instant as is_current)
    select coalesce(array_agg(group_id) filter (where is_current), '{}'),
        coalesce(array_agg(group_id) filter (where not is_current), '{}') into ended, lapsed from closed;
  with opened as (
    insert into keyturn.membership (group_id, person, lapses_at, valid_from)
      select wanted.group_id, wanted.person, wanted.lapses_at, instant
      from keyturn.claimed_memberships(of_person, instant) wanted where not exists (
        select from keyturn.membership known where known.valid_to is null
          and (known.group_id, known.person) = (wanted.group_id, wanted.person))
      returning group_id)
    select coalesce(array_agg(group_id), '{}') into begun from opened;
  return jsonb_build_object(
    'joined', keyturn.names_among(begun, ended, false),
    'left', keyturn.names_among(ended || lapsed, begun, false),
    'renewed', keyturn.names_among(begun, ended, true));
end $$;

-- Who is in which group by what was seen, and until when: of accounts that still are that person's.
create or replace function keyturn.claimed_memberships(of_person text, instant timestamptz)
returns table (group_id text, person text, lapses_at timestamptz, maximum_age interval)
language sql set search_path = pg_catalog, pg_temp as $$
  select named.group_id, seen.person, max(seen.issued_at) + named.maximum_age, named.maximum_age
    from keyturn.claims_seen seen
    join keyturn.directory_group named on named.authority = 'claims:' || seen.issuer
      and named.claim = any (seen.listed) and named.valid_to is null
    where (of_person is null or seen.person = of_person)
      and seen.issued_at + named.maximum_age > instant
      and exists (select from keyturn.account held where held.valid_to is null
        and (held.issuer, held.subject, held.person) = (seen.issuer, seen.subject, seen.person))
    group by named.group_id, seen.person, named.maximum_age
$$;

-- What active groups ask the tokens of an issuer for.
create or replace function keyturn.claims_asked(of_issuer text) returns setof text
language sql set search_path = pg_catalog, pg_temp as $$
  select claim from keyturn.directory_group
    where authority = 'claims:' || of_issuer and claim is not null and valid_to is null
$$;

-- The names that are in the other list, or are not, in order.
create or replace function keyturn.names_among(names text[], others text[], is_among boolean) returns jsonb
language sql set search_path = pg_catalog, pg_temp as $$
  select coalesce(jsonb_agg(name order by name collate "C"), '[]')
    from (select distinct unnest(names) as name) named where (name = any (others)) = is_among
$$;
