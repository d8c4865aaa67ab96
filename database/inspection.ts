import type { DataSource } from 'typeorm';

import { columnOf, firstRow } from './rows.ts';

/** The role that a connection is of, and what it connects to. */
export async function readSession(
  source: DataSource,
): Promise<{ readonly version: string; readonly role: string; readonly isUnbound: boolean }> {
  const row = await firstRow<{ version: string; role: string; isUnbound: boolean }>(
    source.manager,
    `select current_setting('server_version') as version, current_user as role, rolsuper or rolbypassrls as "isUnbound"
       from pg_roles where rolname = current_user`,
  );
  if (!row) throw new Error('The database does not give the role of a connection.');
  return row;
}

/** Refuses to run as a role that could bypass the guards of the audit log. */
export async function refuseSuperuser(source: DataSource): Promise<void> {
  if ((await readSession(source)).isUnbound) {
    throw new Error(
      'Refusing to run as a database superuser: give this process its own role (see docs/operating.md).',
    );
  }
}

/** Names of the migrations that have run. */
export async function ranMigrations(source: DataSource): Promise<ReadonlySet<string>> {
  return new Set(await columnOf<string>(source.manager, 'select name from keyturn.keyturn_migration'));
}
