import type { Command } from 'commander';

import { formatProblem, loadPolicyFolder, type PolicyLoadResult } from '../../../database/policy-files.ts';
import { withJson } from '../connection.ts';
import { failure, silentFailure } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { visible } from '../text/visible.ts';

interface PolicyOptions {
  readonly json?: boolean;
}

/** `keyturn policy check`, `keyturn policy install` */
export function addPolicy(program: Command, terminal: Terminal): void {
  const policy = program
    .command('policy')
    .description('the catalogue and rules that the running system uses');
  withJson(policy.command('check <folder>'))
    .description('read a policy folder and say everything that is wrong with it')
    .action(async (folder: string, options: PolicyOptions) => {
      const { digest } = await load(folder, options, terminal);
      terminal.out(
        options.json
          ? JSON.stringify({ ok: true, digest })
          : `${visible(folder)} is a good policy: ${digest}`,
      );
    });
  withJson(policy.command('install <folder>'))
    .description('make a policy folder the active policy (KEYTURN_DATABASE_URL names the database)')
    .action((folder: string, options: PolicyOptions) => install(folder, options, terminal));
}

type LoadedPolicy = Extract<PolicyLoadResult, { ok: true }>;

async function load(folder: string, options: PolicyOptions, terminal: Terminal): Promise<LoadedPolicy> {
  const result = await loadPolicyFolder(folder, terminal.environment);
  if (result.ok) return result;
  if (options.json) terminal.out(JSON.stringify({ ok: false, problems: result.problems }));
  else for (const problem of result.problems) terminal.error(visible(formatProblem(problem)));
  throw silentFailure();
}

async function install(folder: string, options: PolicyOptions, terminal: Terminal): Promise<void> {
  const { policy, digest } = await load(folder, options, terminal);
  const url = terminal.environment['KEYTURN_DATABASE_URL'];
  if (url === undefined || url === '') throw failure('no_database', 'KEYTURN_DATABASE_URL is not set.');
  // The database is of no use to the other commands: they should not wait for its driver.
  const { installPolicyInto } = await import('../policy-installer.ts');
  const installed = await installPolicyInto(url, { policy, digest });
  if (options.json) return terminal.out(JSON.stringify({ ok: true, ...installed }));
  const what = installed.is_new ? 'is now active' : 'was active already';
  return terminal.out(`${digest} ${what}, generation ${installed.generation}.`);
}
