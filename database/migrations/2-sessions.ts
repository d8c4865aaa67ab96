import type { MigrationInterface, QueryRunner } from 'typeorm';

import { applyFunctions } from '../functions.ts';

/** Sessions of people who sign in with a browser, and that their entries are written by functions alone. */
export class Sessions1796169600000 implements MigrationInterface {
  readonly name = 'Sessions1796169600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await applyFunctions((sql) => runner.query(sql));
    await runner.query(TRIGGER);
  }

  async down(): Promise<void> {
    throw new Error('The sessions cannot be undone: entries of the audit log are about them.');
  }
}

const TABLES = `
-- Of what a cookie holds, and of the state of a sign-in, there is only the SHA-256: who reads the database can use
-- neither. One state starts one session.
create table keyturn.session (
  id text primary key check (id ~ '^ses_[a-z2-7]{26}$'),
  digest text not null unique check (digest ~ '^[0-9a-f]{64}$'),
  state text not null unique check (state ~ '^[0-9a-f]{64}$'),
  issuer text not null, subject text not null, client text not null,
  person text not null references keyturn.person,
  -- What the provider calls the person, and the session that it has itself.
  provider_subject text not null, provider_session text,
  began_at timestamptz not null, seen_at timestamptz not null, expires_at timestamptz not null,
  ended_at timestamptz
);
create index session_person on keyturn.session (person) where ended_at is null;
create index session_provider on keyturn.session (issuer, provider_subject) where ended_at is null;
create index session_expiry on keyturn.session (expires_at);

-- Each use of a session asks for all that was ever said of one person.
create index person_standing_person on keyturn.person_standing (person);

-- Who was deactivated or taken out of the directory meanwhile has signed in as somebody who is no longer there, also when
-- brought back since.
create view keyturn.live_session as
  select session.*, seen_at + interval '1 hour' as idle_at from keyturn.session
    where ended_at is null and expires_at > clock_timestamp() and seen_at > clock_timestamp() - interval '1 hour'
      and (select range_agg(tstzrange(valid_from, valid_to)) filter (where active)
            @> tstzrange(began_at, clock_timestamp())
          and not bool_or(not active and coalesce(valid_to > began_at, true))
        from keyturn.person_standing where person_standing.person = session.person);

grant select on keyturn.session, keyturn.live_session to keyturn_api;
`;

const TRIGGER = `
create or replace trigger entry_of_governing_stream after insert on audit.entry
  for each row when (new.request in ('policy', 'proposals', 'switches', 'directory', 'sessions'))
  execute function audit.refuse_foreign_stream();
alter table audit.entry enable always trigger entry_of_governing_stream;
`;
