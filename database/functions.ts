import type { EntityManager } from 'typeorm';

import { rows } from './rows.ts';
import { sqlIn } from './sql-files.ts';

/** Queries the database in a transaction, as the owner of its schemas. */
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
  for (const statements of functionFiles()) await query(statements);
}

/** Names of the functions of this version that the database lacks or has with another text. */
export async function missingFunctions(manager: EntityManager): Promise<readonly string[]> {
  const known = await rows<{ name: string; body: string }>(
    manager,
    `select format('%s.%s', nspname, proname) as name, prosrc as body
       from pg_proc join pg_namespace on pg_namespace.oid = pronamespace where nspname in ('keyturn', 'audit')`,
  );
  const there = new Set(known.map(({ name, body }) => name + body));
  return functionFiles()
    .flatMap((text) => [...text.matchAll(/^create or replace function ([\w.]+).*?as \$\$(.*?)\$\$;/gms)])
    .filter(([, name = '', body = '']) => !there.has(name + body))
    .map(([, name = '']) => name);
}

function functionFiles(): readonly string[] {
  return sqlIn(new URL('functions/', import.meta.url));
}
