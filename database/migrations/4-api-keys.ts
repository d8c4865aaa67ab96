import type { MigrationInterface, QueryRunner } from 'typeorm';

/** API keys of agents without an issuer, and when the person of a session proved to the provider who they are. */
export class ApiKeys1796342400000 implements MigrationInterface {
  readonly name = 'ApiKeys1796342400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
  }

  async down(): Promise<void> {
    throw new Error('The API keys cannot be undone: entries of the audit log are about them.');
  }
}

const TABLES = `
alter table keyturn.session add column authenticated_at timestamptz;

-- Machines never decide, and who has an account at Keyturn itself calls with keys.
alter table keyturn.account add constraint account_with_keys check (issuer <> 'keyturn' or agent is not null);

-- Of a key there is only the SHA-256: who reads the database can use none. \`prefix\` is how people recognise it. Null
-- for actions or targets: it is for all that policy lets the agent ask for.
create table keyturn.api_key (
  id text primary key check (id ~ '^key_[a-z2-7]{26}$'),
  digest text not null unique check (digest ~ '^[0-9a-f]{64}$'),
  prefix text not null, agent text not null references keyturn.agent, title text not null,
  actions jsonb check (jsonb_typeof(actions) = 'array'), targets jsonb check (jsonb_typeof(targets) = 'array'),
  created_by text not null references keyturn.person,
  created_at timestamptz not null, expires_at timestamptz not null, used_at timestamptz, revoked_at timestamptz
);
create index api_key_agent on keyturn.api_key (agent);

-- Each use of a key asks for all that was ever said of one agent.
create index agent_standing_agent on keyturn.agent_standing (agent);

-- Who deactivates an agent, or takes it out of the directory, ends its keys for good: it may have been because of one.
-- Who made a key knows it: it rests while that person does.
create view keyturn.live_api_key as
  select api_key.*, account.subject from keyturn.api_key join keyturn.account
      on account.issuer = 'keyturn' and account.agent = api_key.agent and account.valid_to is null
        and account.valid_from <= api_key.created_at
    where revoked_at is null and expires_at > clock_timestamp()
      and (select bool_or(active and valid_to is null)
          and not bool_or(not active and coalesce(valid_to > created_at, true))
        from keyturn.agent_standing where agent_standing.agent = api_key.agent)
      and (select bool_and(active) from keyturn.person_standing
        where person_standing.person = api_key.created_by and valid_to is null);

grant select on keyturn.api_key, keyturn.live_api_key to keyturn_api;

create or replace trigger entry_of_governing_stream after insert on audit.entry
  for each row when (new.request in ('policy', 'proposals', 'switches', 'directory', 'sessions', 'keys'))
  execute function audit.refuse_foreign_stream();
alter table audit.entry enable always trigger entry_of_governing_stream;
`;
