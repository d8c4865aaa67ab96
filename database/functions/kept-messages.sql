-- What the API has acknowledged and the workflow has not consumed yet.

-- True only when this very message is kept, and bounded in what all of them hold. More than 200 wait for one request
-- only where somebody sends without end; a decision with the longest reason, sealed and signed, has less than 65536
-- bytes.
create or replace function keyturn.keep_message(message text, of_request text, of_kind text, signed text)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('kept:' || of_request, 0));
  if octet_length(signed) > 65536 or (select count(*) from keyturn.kept_message open
      where open.request = of_request and open.consumed_at is null) >= 200 then
    return false;
  end if;
  insert into keyturn.kept_message (id, request, kind, envelope)
    values (message, of_request, of_kind, signed) on conflict (id) do nothing;
  return exists (select from keyturn.kept_message known where known.id = message
    and known.request = of_request and known.kind = of_kind and known.envelope = signed);
end $$;
grant execute on function keyturn.keep_message to keyturn_api, keyturn_worker;
