import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds the few emergencies among all requests: whoever opens their reviews looks every few seconds. */
export class Emergencies1764750000000 implements MigrationInterface {
  readonly name = 'Emergencies1764750000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'create index request_emergency on keyturn.request (updated_at, id) where is_break_glass',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index keyturn.request_emergency');
  }
}
