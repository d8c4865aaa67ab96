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
    // So that whoever looks for what is wrong sees whether database and program are of one version.
    await runner.query('grant select on keyturn.keyturn_migration to keyturn_worker, keyturn_api');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table keyturn.target_trouble');
  }
}
