-- The second wall behind the steps: whatever program writes, a request does not leave `executing` while a claim on it
-- is open, no claim is open on a request that is not executing, and what is over stays over.

create or replace function keyturn.refuse_hidden_outcome() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.status in ('succeeded', 'failed', 'revoked', 'denied', 'expired', 'cancelled') then
    raise exception 'a request that is over does not move' using errcode = 'KT002';
  end if;
  if old.status = 'executing' and exists (
      select 1 from keyturn.execution claim where claim.request = old.id and claim.state = 'claimed') then
    raise exception 'a request does not leave executing while a claim is open' using errcode = 'KT002';
  end if;
  return new;
end $$;

-- At the end of the transaction: the step that claims writes the request last.
create or replace function keyturn.refuse_stray_claim() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select 1 from keyturn.request held where held.id = new.request and held.status = 'executing')
  then
    raise exception 'a claim is open on executing requests only' using errcode = 'KT002';
  end if;
  return null;
end $$;
