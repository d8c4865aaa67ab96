import type { MigrationInterface, QueryRunner } from 'typeorm';

import { applyFunctions } from '../functions.ts';
import { sqlIn } from '../sql-files.ts';

/** The tables of the first release, who may do what to them, and what holds whatever program writes. */
export class Baseline1796083200000 implements MigrationInterface {
  readonly name = 'Baseline1796083200000';

  async up(runner: QueryRunner): Promise<void> {
    const files = sqlIn(new URL('1-baseline/', import.meta.url));
    for (const tables of files.slice(0, -1)) await runner.query(tables);
    // The last file makes triggers, which call functions.
    await applyFunctions((sql) => runner.query(sql));
    for (const triggers of files.slice(-1)) await runner.query(triggers);
  }

  /** Audit entries are never dropped by a migration. */
  async down(): Promise<void> {
    throw new Error('The first migration cannot be undone: it holds the audit log.');
  }
}
