import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which changes of rules and people waiting requests have been held against. */
export class Reconsideration1764400000000 implements MigrationInterface {
  readonly name = 'Reconsideration1764400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create table keyturn.reconsideration (
      singleton boolean primary key default true check (singleton), seen text not null)`);
    await runner.query(`insert into keyturn.reconsideration (seen) values ('')`);
    await runner.query(`grant select, update on keyturn.reconsideration to keyturn_worker`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table keyturn.reconsideration');
  }
}
