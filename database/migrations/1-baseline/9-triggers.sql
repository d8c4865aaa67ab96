-- What holds whatever program writes. They fire for replicated rows as well, but for the one that only counts.

create trigger entry_append_only before update or delete on audit.entry
  for each row execute function audit.refuse_change();
create trigger entry_no_truncate before truncate on audit.entry
  for each statement execute function audit.refuse_change();
create trigger entry_of_governing_stream after insert on audit.entry
  for each row when (new.request in ('policy', 'proposals', 'switches', 'directory'))
  execute function audit.refuse_foreign_stream();
create trigger entry_ties_directory_change after insert on audit.entry
  for each row when (new.request in ('policy', 'directory')) execute function audit.tie_directory_change();
alter table audit.entry
  enable always trigger entry_append_only, enable always trigger entry_no_truncate,
  enable always trigger entry_of_governing_stream, enable always trigger entry_ties_directory_change;

create trigger request_outcome before update of status on keyturn.request
  for each row when (old.status is distinct from new.status) execute function keyturn.refuse_hidden_outcome();
alter table keyturn.request enable always trigger request_outcome;

create constraint trigger execution_claimed after insert or update of state on keyturn.execution
  deferrable initially deferred for each row when (new.state = 'claimed')
  execute function keyturn.refuse_stray_claim();
alter table keyturn.execution enable always trigger execution_claimed;

create constraint trigger window_reservation_counts after update on keyturn.window_reservation
  deferrable initially deferred for each row execute function keyturn.refuse_uncounted();
alter table keyturn.window_reservation enable always trigger window_reservation_counts;

create constraint trigger mark_undecided after update of status on keyturn.request
  deferrable initially deferred for each row
  when (old.status <> new.status and new.status in ('denied', 'expired', 'cancelled', 'failed'))
  execute function keyturn.mark_undecided();
