import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Every change of the directory names the entry that it was made with, so that one without an entry can be told. */
export class RecordedDirectories1764880000000 implements MigrationInterface {
  readonly name = 'RecordedDirectories1764880000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...CHANGES, SEE_CLAIMS, UNUSED]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error(
      'The migration of recorded directories cannot be undone: changes would lose their entries.',
    );
  }
}

const SAFE = `set search_path = pg_catalog, pg_temp`;

const CHANGES = [
  // Changes of before have neither: nothing says which entry was theirs.
  `alter table keyturn.directory_change add column transaction xid8, add column entry text unique`,
  `alter table keyturn.directory_change alter column transaction set default pg_current_xact_id()`,
  // The entry comes last: by then the change of its transaction is counted, if there is one.
  `create function audit.tie_directory_change() returns trigger language plpgsql ${SAFE} as $$
   begin
     update keyturn.directory_change set entry = new.event_id
       where transaction = pg_current_xact_id() and entry is null
         and generation = (select state.generation from keyturn.directory_state state);
     return null;
   end $$`,
  `create trigger entry_ties_directory_change after insert on audit.entry for each row
     when (new.request in ('policy', 'directory')) execute function audit.tie_directory_change()`,
  `alter table audit.entry enable always trigger entry_ties_directory_change`,
];

/** As before, but for the order: the change is counted before its entry is written. */
const SEE_CLAIMS = `
  create or replace function keyturn.see_claims(seen jsonb, leaf text) returns jsonb
  language plpgsql security definer ${SAFE} as $$
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
  end $$`;

/** It changed the directory without an entry; the function that activates policies does with it. */
const UNUSED = `drop function keyturn.synchronise_file_directory(jsonb)`;
