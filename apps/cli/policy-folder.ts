import {
  formatProblem,
  formatWarning,
  loadPolicyFolder,
  type CompiledPolicy,
  type PolicyProblem,
} from '../../policy-files/compile.ts';
import { failure, silentFailure } from './exit.ts';
import type { Terminal } from './terminal.ts';
import { visible } from '../../domain/cards/visible.ts';

export interface PolicyOptions {
  readonly json?: boolean;
}

/** A policy that was read without any problem. */
type LoadedPolicy = Pick<CompiledPolicy, 'policy' | 'digest'>;

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

/** The policy of a folder. Ends the command with every problem when there is one. */
export async function loadFolder(
  folder: string,
  options: PolicyOptions,
  terminal: Terminal,
): Promise<CompiledPolicy> {
  const result = await loadPolicyFolder(folder, terminal.environment);
  if (result.ok) return result;
  throw refuseProblems(result.problems, options, terminal);
}

/** Prints warnings to standard error, where scripts that read the result do not see them. */
export function printWarnings(
  { warnings }: CompiledPolicy,
  { json }: PolicyOptions,
  terminal: Terminal,
): void {
  // In JSON they are part of the result.
  if (!json) for (const warning of warnings) terminal.error(visible(formatWarning(warning)));
}

/** Prints problems, and answers the error that ends the command. */
export function refuseProblems(
  problems: readonly PolicyProblem[],
  options: PolicyOptions,
  terminal: Terminal,
): Error {
  if (options.json) terminal.out(JSON.stringify({ ok: false, problems }));
  else for (const problem of problems) terminal.error(visible(formatProblem(problem)));
  return silentFailure();
}
