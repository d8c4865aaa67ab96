import { cpuMs, familyCpuMs } from '../bench/processes.ts';
import { testPostgresPid } from '../stack/databases.ts';
import type { Stack } from '../stack/stack.ts';
import type { Kills } from './kills.ts';

/** What was used up so far. */
export interface Usage {
  readonly ownCpuMs: number;
  readonly serverCpuMs: number;
  readonly databaseCpuMs: number;
  /** On disk. */
  readonly keyturnBytes: number;
  readonly temporalBytes: number;
}

/** CPU of all programs and what the databases take on disk. */
export async function usageOf(stack: Stack, kills: Kills): Promise<Usage> {
  const server = stack.temporalService.server;
  return {
    ownCpuMs: kills.cpuMs(),
    serverCpuMs: server ? cpuMs([server.pid()]) : Number.NaN,
    databaseCpuMs: familyCpuMs(testPostgresPid()),
    keyturnBytes: await bytesOf(stack, ['keyturn']),
    temporalBytes: await bytesOf(stack, ['temporal', 'temporal_visibility']),
  };
}

async function bytesOf({ keyturnDb, name }: Stack, databases: readonly string[]): Promise<number> {
  const { rows } = await keyturnDb.query<{ bytes: string }>(
    'select sum(pg_database_size(datname)) as bytes from pg_database where datname = any($1)',
    [databases.map((database) => `${name}_${database}`)],
  );
  return Number(rows[0]?.bytes);
}
