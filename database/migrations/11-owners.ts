import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the owners of a request are looked up by, for actions whose arguments name it. Kept from the moment of receipt:
 * who may decide is asked in many places that have the row alone, and must be the same in all of them.
 */
export class Owners1764780000000 implements MigrationInterface {
  readonly name = 'Owners1764780000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `alter table keyturn.request add column owner_key jsonb
         constraint owner_key_short check (octet_length(owner_key::text) <= 8192)`,
    );
  }

  /** Without it open requests could be decided by nobody: what they were made with is in their signed arguments alone. */
  async down(): Promise<void> {
    throw new Error('The migration of owners cannot be undone: it holds what owners are looked up by.');
  }
}
