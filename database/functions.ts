import { sqlIn } from './sql-files.ts';

/** Asks the database in a transaction, as the owner of its schemas. */
type Query = (sql: string) => Promise<unknown>;

/**
 * Gives the database the functions of this version, and of the rights to call functions those that their files grant, for
 * everybody else at the commit. A function that no file has any more can be called by nobody.
 */
export async function applyFunctions(query: Query): Promise<void> {
  // A body may name what a later file or migration makes; a test reads them all with this on.
  await query('set local check_function_bodies = off');
  await query(
    'revoke execute on all functions in schema keyturn, audit from public, keyturn_worker, keyturn_api',
  );
  for (const statements of sqlIn(new URL('functions/', import.meta.url))) await query(statements);
}
