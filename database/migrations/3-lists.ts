import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A page of the requests of one action, target or environment reads what it shows, however many requests there are. */
export class Lists1796256000000 implements MigrationInterface {
  readonly name = 'Lists1796256000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const column of COLUMNS)
      await runner.query(
        `create index request_by_${column} on keyturn.request (${column}, created_at desc, id desc)`,
      );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const column of COLUMNS) await runner.query(`drop index keyturn.request_by_${column}`);
  }
}

const COLUMNS = ['action', 'target', 'environment'] as const;
