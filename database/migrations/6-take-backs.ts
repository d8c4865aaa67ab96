import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who approved may take that back, once. */
export class TakeBacks1796515200000 implements MigrationInterface {
  readonly name = 'TakeBacks1796515200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(): Promise<void> {
    throw new Error('That approvals were taken back cannot be undone: they would count again.');
  }
}

const UP = `
alter table keyturn.decision add column takes_back text,
  add constraint decision_takes_back check ((verdict = 'take_back') = (takes_back is not null));
create unique index decision_taken_back on keyturn.decision (request, takes_back) where outcome = 'counted';
`;
