import { createDataSource } from '../../database/data-source.ts';
import { PolicyReader } from '../../database/readers.ts';
import { clockText, diagnose, type Diagnosis } from './doctor.ts';

/** What a program's role can check of Keyturn's database: that it answers, is migrated, and has a policy. */
export async function databaseDiagnoses(url: string): Promise<readonly Diagnosis[]> {
  const source = createDataSource({ url, applicationName: 'keyturn-doctor', poolSize: 1 });
  const reached = await diagnose('database', async () => {
    await source.initialize();
    const [row]: { version: string; role: string; rolsuper: boolean }[] = await source.query(
      `select current_setting('server_version') as version, current_user as role, rolsuper
         from pg_roles where rolname = current_user`,
    );
    if (row?.rolsuper) throw new Error(`${row.role} is a superuser: programs refuse to run as one`);
    return `PostgreSQL ${row?.version ?? ''}, as ${row?.role ?? ''}`;
  });
  if (reached.outcome !== 'ok') return [reached];
  try {
    return [
      reached,
      await diagnose('database clock', async () => {
        const before = Date.now();
        const [row]: { now: Date }[] = await source.query('select clock_timestamp() as now');
        return clockText((row?.now.getTime() ?? 0) - (before + Date.now()) / 2, 'the database');
      }),
      await diagnose('migrations', async () => migrationsText(source)),
      await diagnose('policy', async () => {
        const active = await new PolicyReader().active(source.manager);
        if (!active) throw new Error('no policy is active: keyturn policy install FOLDER');
        return `${active.digest} is active`;
      }),
    ];
  } finally {
    await source.destroy();
  }
}

async function migrationsText(source: ReturnType<typeof createDataSource>): Promise<string> {
  const rows: { name: string }[] = await source.query('select name from keyturn.keyturn_migration');
  const ran = new Set(rows.map(({ name }) => name));
  const known = source.migrations.map(({ name = '' }) => name);
  const missing = known.filter((name) => !ran.has(name));
  if (missing.length > 0)
    throw new Error(`${missing.length} migrations have not run: run the program migrate of this version`);
  const foreign = ran.size - known.length;
  if (foreign > 0)
    throw new Error(`${foreign} migrations are of another version: this program is older than the database`);
  return `all ${known.length} have run`;
}
