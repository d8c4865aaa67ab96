import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Accounts that people link to themselves. */
export class AccountLinks1797033600000 implements MigrationInterface {
  readonly name = 'AccountLinks1797033600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
  }

  async down(): Promise<void> {
    throw new Error('The links of accounts cannot be undone: entries of the audit log are about them.');
  }
}

const TABLES = `
-- What people say of their own accounts is the word of one more authority.
alter table keyturn.account drop constraint account_authority_check,
  add constraint account_authority_check check (authority in ('file', 'links') or authority ~ '^(scim|claims):.+$');

-- A link that was begun: one sign-in with the other account, in the same session, and then the person's word. \`shown_as\` is
-- what the provider calls the account, in words of its own.
create table keyturn.begun_account_link (
  id text primary key check (id ~ '^lnk_[a-z2-7]{26}$'),
  session text not null, person text not null references keyturn.person, issuer text not null,
  begun_at timestamptz not null, expires_at timestamptz not null,
  subject text, shown_as text, authenticated_at timestamptz, used_at timestamptz
);
create index begun_account_link_expiry on keyturn.begun_account_link (expires_at);

-- Kept for ever: whose account it was once, it stays. \`salt\` hides in the entry whose account it is.
create table keyturn.account_link (
  id text primary key check (id ~ '^lnk_[a-z2-7]{26}$'),
  issuer text not null, subject text not null, person text not null references keyturn.person,
  session text not null, salt text not null,
  linked_at timestamptz not null, unlinked_at timestamptz check (unlinked_at > linked_at),
  unlinked_by text references keyturn.person, check ((unlinked_at is null) = (unlinked_by is null))
);
create unique index account_link_open on keyturn.account_link (issuer, subject) where unlinked_at is null;
create index account_link_account on keyturn.account_link (issuer, subject);
create index account_link_person on keyturn.account_link (person);

-- Each use of a session asks for all that was ever said of one account.
create index account_holders on keyturn.account (issuer, subject);
create index account_person on keyturn.account (person) where valid_to is null;

-- As before, and: the account that signed in has been that person's ever since. A link that is removed ends what was begun
-- with it, also when it is made again.
create or replace view keyturn.live_session as
  select id, digest, state, issuer, subject, client, person, provider_subject, provider_session, began_at, seen_at,
      expires_at, ended_at, seen_at + interval '1 hour' as idle_at from keyturn.session
    where ended_at is null and expires_at > clock_timestamp() and seen_at > clock_timestamp() - interval '1 hour'
      and (select range_agg(tstzrange(valid_from, valid_to)) filter (where active)
            @> tstzrange(began_at, clock_timestamp())
          and not bool_or(not active and coalesce(valid_to > began_at, true))
        from keyturn.person_standing where person_standing.person = session.person)
      and (select range_agg(tstzrange(valid_from, valid_to)) @> tstzrange(began_at, clock_timestamp())
        from keyturn.account held
        where (held.issuer, held.subject, held.person) = (session.issuer, session.subject, session.person));

grant select on keyturn.begun_account_link, keyturn.account_link to keyturn_api;
`;
