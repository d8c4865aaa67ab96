import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Proofs of decisions that were begun: each for one decision, in one session. */
export class DecisionProofs1796688000000 implements MigrationInterface {
  readonly name = 'DecisionProofs1796688000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table keyturn.decision_proof');
  }
}

const TABLES = `
create table keyturn.decision_proof (
  id text primary key check (id ~ '^prf_[a-z2-7]{26}$'),
  session text not null, person text not null references keyturn.person, request text not null,
  grade text not null check (grade in ('A', 'B')), verdict text not null,
  decision_digest text not null, view_digest text not null, random text not null unique,
  expires_at timestamptz not null, used_at timestamptz
);
create index decision_proof_expiry on keyturn.decision_proof (expires_at);
grant select on keyturn.decision_proof to keyturn_api;
`;
