import { MigrationExecutor, type DataSource } from 'typeorm';

import { applyFunctions } from './functions.ts';

/** Any number: it only has to be the same in every process that migrates. */
const MIGRATION_LOCK = 4_917_205;

/** Migrations that a refusal names: one is enough to tell which version made them. */
const NAMED_MAX = 3;

/** Refuses a database that another version made further, or that began before the first release. Changes nothing. */
export async function refuseUnknownMigrations(source: DataSource): Promise<void> {
  const known = new Set(source.migrations.map(({ name }) => name));
  const ran = await new MigrationExecutor(source).getExecutedMigrations();
  const unknown = ran.filter(({ name }) => !known.has(name)).map(({ name }) => withoutTime(name));
  const named = unknown.slice(0, NAMED_MAX).join(', ') + (unknown.length > NAMED_MAX ? ', …' : '');
  if (unknown.length === 0) return;
  throw new Error(
    `the database of KEYTURN_DATABASE_URL has migrations that this version does not know (${named}), so nothing ` +
      'was changed. Run the program migrate of the newer version that made it; if none did, it is from before version ' +
      '0.1.0, which cannot be upgraded: name an empty database (`npm start`: delete the folder .keyturn).',
  );
}

/**
 * Migrations that have not run, and the functions of this version: all of it, or nothing where a step fails. Answers the
 * names of the migrations.
 */
export async function bringUpToDate(source: DataSource): Promise<readonly string[]> {
  const runner = source.createQueryRunner();
  try {
    await runner.startTransaction();
    await runner.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await runner.query('set local role keyturn_owner');
    const executor = new MigrationExecutor(source, runner);
    executor.transaction = 'none';
    const ran = await executor.executePendingMigrations();
    await applyFunctions((sql) => runner.query(sql));
    await runner.commitTransaction();
    return ran.map(({ name }) => withoutTime(name));
  } catch (error) {
    // The error that made it fail is worth more than that the connection is gone.
    await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}

/** The time in a name is for the order alone. */
function withoutTime(name: string): string {
  return name.replace(/\d+$/, '');
}
