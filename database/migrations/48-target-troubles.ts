import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Why a target gave no answer for a request the last time: whoever may know it is told when the request ends by that. */
export class TargetTroubles1765140000000 implements MigrationInterface {
  readonly name = 'TargetTroubles1765140000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `create table keyturn.target_trouble (
         request text primary key references keyturn.request,
         cause text not null check (length(cause) between 1 and 500),
         at timestamptz not null)`,
    );
    await runner.query('grant select, insert, update on keyturn.target_trouble to keyturn_worker');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table keyturn.target_trouble');
  }
}
