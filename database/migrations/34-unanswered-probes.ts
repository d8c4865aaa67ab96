import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Since when a target has left questions about a claim unanswered, and when it last did: what calls an outcome unknown. */
export class UnansweredProbes1765000000000 implements MigrationInterface {
  readonly name = 'UnansweredProbes1765000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'alter table keyturn.execution add unanswered_since timestamptz, add unanswered_at timestamptz',
    );
    await runner.query(
      'grant update (unanswered_since, unanswered_at) on keyturn.execution to keyturn_worker',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table keyturn.execution drop unanswered_since, drop unanswered_at');
  }
}
