import '../configuration/supported-node.ts';

import { QueryFailedError } from 'typeorm';

import { openDataSource } from '../apps/open-database.ts';
import { readMigration } from '../configuration/migration.ts';
import { prepareRoles } from './roles.ts';
import { bringUpToDate, refuseUnknownMigrations } from './schema.ts';

/** What PostgreSQL says where a right is missing (`insufficient_privilege`). */
const NOT_ALLOWED = '42501';

/** The program that prepares a database: roles, schemas, migrations. Needs a role that may create roles. */
async function migrate(): Promise<void> {
  const variables = readMigration(process.env);
  const url = variables.KEYTURN_DATABASE_URL;
  const source = await openDataSource({ url, applicationName: 'keyturn-migrate', poolSize: 1 });
  try {
    await refuseUnknownMigrations(source);
    const missing = await prepareRoles(source.query.bind(source), {
      worker: variables.KEYTURN_WORKER_PASSWORD,
      api: variables.KEYTURN_API_PASSWORD,
    });
    process.stdout.write(`${reportOf(await bringUpToDate(source))}\n`);
    if (missing.length > 0) process.stderr.write(adviceOf(missing));
  } finally {
    await source.destroy();
  }
}

function reportOf(ran: readonly string[]): string {
  const what =
    ran.length === 0
      ? 'No migration had to run'
      : `${ran.length === 1 ? '1 migration' : `${ran.length} migrations`} ran: ${ran.join(', ')}`;
  return `${what}. The database is up to date, with the functions of this version, and its roles are prepared.`;
}

function adviceOf(missing: readonly string[]): string {
  const lines = missing.map((statement) => `  ${statement};\n`).join('');
  return `Run this once in this database as a superuser, so that no program can fill the disk:\n${lines}`;
}

/** In one line, without the statement: one of them holds what signs a role in. */
function troubleOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof QueryFailedError)) return error.message;
  const { code } = error.driverError as { readonly code?: string };
  if (code !== NOT_ALLOWED) return `the database refuses a step: ${error.message} (${code ?? 'no SQLSTATE'})`;
  return (
    `KEYTURN_DATABASE_URL: its role may not prepare this database (${error.message}). ` +
    'Name keyturn_admin, whom compose/postgres/20-keyturn.sql makes, or a superuser.'
  );
}

try {
  await migrate();
} catch (error) {
  process.stderr.write(`keyturn-migrate: ${troubleOf(error)}\n`);
  process.exitCode = 1;
}
