import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Passkeys of people, and the links by which operators let somebody register one. */
export class Passkeys1796601600000 implements MigrationInterface {
  readonly name = 'Passkeys1796601600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
  }

  async down(): Promise<void> {
    throw new Error('The passkeys cannot be undone: entries of the audit log are about them.');
  }
}

const TABLES = `
-- \`rp_id\` and \`origin\` are of the page at which it was registered: it is good at no other. \`salt\` hides in the entry whose
-- it is. One that came by a recovery counts for what is asked for later.
create table keyturn.passkey (
  id text primary key check (id ~ '^psk_[a-z2-7]{26}$'),
  credential text not null unique, public_key jsonb not null, rp_id text not null, origin text not null,
  person text not null references keyturn.person,
  how text not null check (how in ('self', 'enrolment', 'recovery')),
  transports jsonb not null check (jsonb_typeof(transports) = 'array'), is_synced boolean not null,
  counter bigint not null check (counter >= 0), salt text not null, entry text not null,
  made_at timestamptz not null, used_at timestamptz, revoked_at timestamptz
);
create index passkey_person on keyturn.passkey (person);

-- Of what a link holds the SHA-256; null while a recovery waits for its second operator.
create table keyturn.passkey_link (
  id text primary key check (id ~ '^pkl_[a-z2-7]{26}$'),
  kind text not null check (kind in ('enrolment', 'recovery')),
  person text not null references keyturn.person,
  digest text unique check (digest ~ '^[0-9a-f]{64}$'),
  made_by text not null references keyturn.person, agreed_by text references keyturn.person,
  made_at timestamptz not null, expires_at timestamptz not null, used_at timestamptz, replaced_at timestamptz,
  check (made_by <> person and agreed_by is distinct from person and agreed_by is distinct from made_by)
);
create index passkey_link_person on keyturn.passkey_link (person);

create view keyturn.open_passkey_link as
  select * from keyturn.passkey_link
    where used_at is null and replaced_at is null and expires_at > clock_timestamp();

grant select on keyturn.passkey to keyturn_api, keyturn_worker;
grant select on keyturn.open_passkey_link to keyturn_api;

create or replace trigger entry_of_governing_stream after insert on audit.entry
  for each row when (new.request in ('policy', 'proposals', 'switches', 'directory', 'sessions', 'keys', 'passkeys'))
  execute function audit.refuse_foreign_stream();
alter table audit.entry enable always trigger entry_of_governing_stream;
`;
