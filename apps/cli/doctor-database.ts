import { databaseNow } from '../../database/clock.ts';
import { createDataSource } from '../../database/data-source.ts';
import { missingFunctions } from '../../database/functions.ts';
import { ranMigrations, readSession } from '../../database/inspection.ts';
import { PolicyReader } from '../../database/readers.ts';
import { counted } from '../../domain/cards/counted.ts';
import { clockText, diagnose, type Diagnosis } from './doctor.ts';

/** What a program's role can check of Keyturn's database: that it answers, is migrated, and has a policy. */
export async function databaseDiagnoses(url: string): Promise<readonly Diagnosis[]> {
  const source = createDataSource({ url, applicationName: 'keyturn-doctor', poolSize: 1 });
  const reached = await diagnose('database', async () => {
    await source.initialize();
    const { version, role, isUnbound } = await readSession(source);
    if (isUnbound)
      throw new Error(`${role} is a superuser or bypasses row-level security: programs refuse to run as one`);
    return `PostgreSQL ${version}, as ${role}`;
  });
  if (reached.outcome !== 'ok') return [reached];
  try {
    return [
      reached,
      await diagnose('database clock', async () => {
        const before = Date.now();
        const now = await databaseNow(source.manager);
        return clockText(now.getTime() - (before + Date.now()) / 2, 'the database');
      }),
      await diagnose('migrations', async () => migrationsText(source)),
      await diagnose('functions', async () => functionsText(source)),
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
  const ran = await ranMigrations(source);
  const known = source.migrations.map(({ name = '' }) => name);
  const missing = known.filter((name) => !ran.has(name));
  if (missing.length > 0)
    throw new Error(`not run: ${missing.join(', ')}. Run the program migrate of this version`);
  const foreign = ran.size - known.length;
  if (foreign > 0)
    throw new Error(
      `${counted(foreign, 'migration')} of a newer version: this program is older than the database`,
    );
  return `${counted(known.length, 'migration')}, none missing`;
}

async function functionsText(source: ReturnType<typeof createDataSource>): Promise<string> {
  const missing = await missingFunctions(source.manager);
  if (missing.length > 0)
    throw new Error(
      `missing, or of another version: ${missing.join(', ')}. Run the program migrate of this version`,
    );
  return 'all of this version';
}
