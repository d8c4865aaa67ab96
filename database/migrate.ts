import '../configuration/supported-node.ts';

import { createDataSource } from './data-source.ts';
import { prepareRoles } from './roles.ts';

/** The program that prepares a database: roles, schemas, migrations. Needs a role that may create roles. */
async function migrate(): Promise<void> {
  const source = createDataSource({
    url: required('KEYTURN_DATABASE_URL'),
    applicationName: 'keyturn-migrate',
    poolSize: 1,
  });
  await source.initialize();
  try {
    const missing = await prepareRoles(source.query.bind(source), {
      worker: required('KEYTURN_WORKER_PASSWORD'),
      api: required('KEYTURN_API_PASSWORD'),
    });
    await source.query('set role keyturn_owner');
    const ran = await source.runMigrations({ transaction: 'each' });
    process.stdout.write(
      `${reportOf(
        ran.map(({ name }) => name),
        source.migrations.length,
      )}\n`,
    );
    if (missing.length > 0) process.stderr.write(adviceOf(missing));
  } finally {
    await source.destroy();
  }
}

/** The time in a name is for the order alone. */
function reportOf(ran: readonly string[], known: number): string {
  const steps = ran.map((name) => name.replace(/\d+$/, ''));
  const what =
    steps.length === 0
      ? 'No migration had to run'
      : `${steps.length === 1 ? '1 migration' : `${steps.length} migrations`} ran: ${steps.join(', ')}`;
  return `${what}. The database is up to date (${known} migrations), and its roles are prepared.`;
}

function adviceOf(missing: readonly string[]): string {
  const lines = missing.map((statement) => `  ${statement};\n`).join('');
  return `Whoever has a superuser runs this once in this database, so that no program can fill the disk:\n${lines}`;
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

await migrate();
