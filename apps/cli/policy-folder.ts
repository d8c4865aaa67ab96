import { formatProblem, loadPolicyFolder, type PolicyProblem } from '../../database/policy-files.ts';
import type { Digest } from '../../domain/digest.ts';
import type { PolicySet } from '../../domain/policy.ts';
import { silentFailure } from './exit.ts';
import type { Terminal } from './terminal.ts';
import { visible } from './text/visible.ts';

/** Options of every command on a policy. */
export interface PolicyOptions {
  readonly json?: boolean;
}

/** A policy that was read without any problem. */
export interface LoadedPolicy {
  readonly policy: PolicySet;
  readonly digest: Digest;
}

/** The policy of a folder. Ends the command with every problem when there is one. */
export async function loadFolder(
  folder: string,
  options: PolicyOptions,
  terminal: Terminal,
): Promise<LoadedPolicy> {
  const result = await loadPolicyFolder(folder, terminal.environment);
  if (result.ok) return result;
  throw refuseProblems(result.problems, options, terminal);
}

/** Tells problems, and answers what ends the command. */
export function refuseProblems(
  problems: readonly PolicyProblem[],
  options: PolicyOptions,
  terminal: Terminal,
): Error {
  if (options.json) terminal.out(JSON.stringify({ ok: false, problems }));
  else for (const problem of problems) terminal.error(visible(formatProblem(problem)));
  return silentFailure();
}
