import { createDataSource } from './data-source.ts';

/** The program that prepares a database: roles, schemas, migrations. Needs a role that may create roles. */
async function migrate(): Promise<void> {
  const source = createDataSource({
    url: required('KEYTURN_DATABASE_URL'),
    applicationName: 'keyturn-migrate',
    poolSize: 1,
  });
  await source.initialize();
  try {
    await prepareRoles(source.query.bind(source));
    await source.query('set role keyturn_owner');
    await source.runMigrations({ transaction: 'each' });
  } finally {
    await source.destroy();
  }
}

type Query = (sql: string, parameters?: unknown[]) => Promise<unknown>;

async function prepareRoles(query: Query): Promise<void> {
  await ensureRole(query, 'keyturn_owner', 'nologin');
  await ensureRole(
    query,
    'keyturn_worker',
    `login password ${quoteLiteral(required('KEYTURN_WORKER_PASSWORD'))}`,
  );
  await ensureRole(query, 'keyturn_api', `login password ${quoteLiteral(required('KEYTURN_API_PASSWORD'))}`);
  await query('grant keyturn_owner to current_user');
  await query(
    `do $$ begin execute format('grant create on database %I to keyturn_owner', current_database()); end $$`,
  );
  await query('create schema if not exists keyturn authorization keyturn_owner');
  await query('create schema if not exists audit authorization keyturn_owner');
}

async function ensureRole(query: Query, role: string, attributes: string): Promise<void> {
  await query(
    `do $$ begin create role ${role}; exception when duplicate_object or unique_violation then null; end $$`,
  );
  await query(`alter role ${role} ${attributes}`);
}

function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

await migrate();
