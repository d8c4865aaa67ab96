import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The keys that identity providers published, as the worker saw them. */
export class IssuerKeys1796774400000 implements MigrationInterface {
  readonly name = 'IssuerKeys1796774400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
  }

  async down(): Promise<void> {
    throw new Error('The keys of issuers cannot be undone: decisions are held against them.');
  }
}

const TABLES = `
-- By what the key is (RFC 7638): an issuer may give a name again. Never deleted: decisions are held against them later.
create table keyturn.issuer_key (
  issuer text not null, thumbprint text not null, kid text, jwk jsonb not null,
  first_seen timestamptz not null, last_seen timestamptz not null check (last_seen >= first_seen),
  primary key (issuer, thumbprint)
);
grant select, insert, update (last_seen) on keyturn.issuer_key to keyturn_worker;
`;
