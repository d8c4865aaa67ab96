import type { MigrationInterface, QueryRunner } from 'typeorm';

/** ID tokens by which people prove decisions, sealed. */
export class IdTokens1796947200000 implements MigrationInterface {
  readonly name = 'IdTokens1796947200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
  }

  async down(): Promise<void> {
    throw new Error('ID tokens cannot be undone: decisions are proven by them.');
  }
}

const TABLES = `
-- Apart from the decision, which is signed with the digest: here it can be erased (\`sealed\` is null then).
create table keyturn.id_token (
  digest text primary key check (digest ~ '^sha256:[0-9a-f]{64}$'),
  request text not null, sealed text, kept_at timestamptz not null
);
create index id_token_request on keyturn.id_token (request);
grant select on keyturn.id_token to keyturn_api, keyturn_worker;

-- What the provider answered, until the decision takes it.
alter table keyturn.decision_proof add column token_digest text, add column sealed_token text;
`;
