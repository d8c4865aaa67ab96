import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Pending requests are found by their deadline, and by whom a stage of them names, open or not. */
export class Inbox1796428800000 implements MigrationInterface {
  readonly name = 'Inbox1796428800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `create index request_by_deadline on keyturn.request (expires_at, id) where status = 'pending'`,
    );
    await runner.query(
      `create index request_named on keyturn.request
         using gin (jsonb_path_query_array(requirement, '$.rules[*].stages[*].**')) where status = 'pending'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const index of ['request_by_deadline', 'request_named'])
      await runner.query(`drop index keyturn.${index}`);
  }
}
