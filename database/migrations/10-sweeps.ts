import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When a worker swept last, and what sweeps found last, for people who look after Keyturn. */
export class Sweeps1796860800000 implements MigrationInterface {
  readonly name = 'Sweeps1796860800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table keyturn.sweep');
  }
}

const UP = `
-- A line for the last sweep, with how many requests it looked at (\`checked\`), and one for each kind of finding, with
-- the requests that it was last found of.
create table keyturn.sweep (
  what text primary key check (what in ('checked', 'orphaned', 'overdue', 'wedged', 'settled', 'hidden', 'unreceived')),
  at timestamptz not null, checked int not null, requests text[] not null
);
grant select, insert, update on keyturn.sweep to keyturn_worker;
grant select on keyturn.sweep to keyturn_api;
`;
