import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds what was asked before with the same intent: reviewers are told when it was refused then. */
export class RepeatedIntents1764870000000 implements MigrationInterface {
  readonly name = 'RepeatedIntents1764870000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create index request_intent on keyturn.request (intent_digest, created_at desc)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop index keyturn.request_intent`);
  }
}
