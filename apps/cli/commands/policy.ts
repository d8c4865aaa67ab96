import type { Command } from 'commander';

import { withJson } from '../connection.ts';
import { loadFolder, type PolicyOptions } from '../policy-folder.ts';
import type { Terminal } from '../terminal.ts';
import { visible } from '../text/visible.ts';
import { addPolicyBacktest } from './policy-backtest.ts';
import { addPolicyDiff } from './policy-diff.ts';
import { addPolicyExplain } from './policy-explain.ts';
import { addPolicyTest } from './policy-test.ts';
import { databaseUrl } from '../policy-source.ts';

/** `keyturn policy check`, `install`, `test`, `explain`, `diff`, `backtest` */
export function addPolicy(program: Command, terminal: Terminal): void {
  const policy = program
    .command('policy')
    .description('the catalogue and rules that the running system uses');
  withJson(policy.command('check <folder>'))
    .description('read a policy folder and say everything that is wrong with it')
    .action(async (folder: string, options: PolicyOptions) => {
      const { digest } = await loadFolder(folder, options, terminal);
      terminal.out(
        options.json
          ? JSON.stringify({ ok: true, digest })
          : `${visible(folder)} is a good policy: ${digest}`,
      );
    });
  withJson(policy.command('install <folder>'))
    .description('make a policy folder the active policy (KEYTURN_DATABASE_URL names the database)')
    .action((folder: string, options: PolicyOptions) => install(folder, options, terminal));
  addPolicyTest(policy, terminal);
  addPolicyExplain(policy, terminal);
  addPolicyDiff(policy, terminal);
  addPolicyBacktest(policy, terminal);
}

async function install(folder: string, options: PolicyOptions, terminal: Terminal): Promise<void> {
  const { policy, digest } = await loadFolder(folder, options, terminal);
  const url = databaseUrl(terminal);
  // The database is of no use to the other commands: they should not wait for its driver.
  const { installPolicyInto } = await import('../policy-installer.ts');
  const installed = await installPolicyInto(url, { policy, digest });
  if (options.json) return terminal.out(JSON.stringify({ ok: true, ...installed }));
  const what = installed.is_new ? 'is now active' : 'was active already';
  return terminal.out(`${digest} ${what}, generation ${installed.generation}.`);
}
