import { failure } from './exit.ts';
import { loadFolder, type LoadedPolicy, type PolicyOptions } from './policy-folder.ts';
import type { Terminal } from './terminal.ts';

/** The word that stands for the policy in use, where a folder could be named. */
export const ACTIVE = 'active';

export function databaseUrl({ environment }: Terminal): string {
  const url = environment['KEYTURN_DATABASE_URL'];
  if (url === undefined || url === '')
    throw failure(
      'no_database',
      'KEYTURN_DATABASE_URL is not set (after npm start: export $(cat .keyturn/operator.env)).',
    );
  return url;
}

export async function loadPolicy(
  source: string,
  options: PolicyOptions,
  terminal: Terminal,
): Promise<LoadedPolicy> {
  if (source !== ACTIVE) return loadFolder(source, options, terminal);
  const { activePolicy, withDatabase } = await import('./policy-database.ts');
  return withDatabase(databaseUrl(terminal), activePolicy);
}
