import type { Command } from 'commander';

import { loadAnyPolicyTests } from '../../../policy-files/tests.ts';
import { isKeyturnError } from '../../../domain/errors.ts';
import { withJson } from '../connection.ts';
import { failure, silentFailure } from '../exit.ts';
import {
  databaseUrl,
  loadFolder,
  refuseProblems,
  printWarnings,
  type PolicyOptions,
} from '../policy-folder.ts';
import type { Terminal } from '../terminal.ts';
import { visible } from '../../../domain/cards/visible.ts';
import { addPolicyBacktest } from './policy-backtest.ts';
import { addPolicyDiff } from './policy-diff.ts';
import { addPolicyExplain } from './policy-explain.ts';
import { addPolicyPublish } from './policy-publish.ts';
import { addPolicyTest } from './policy-test.ts';

interface CheckOptions extends PolicyOptions {
  readonly strict?: boolean;
}

interface InstallOptions extends PolicyOptions {
  readonly first?: boolean;
}

export function addPolicy(program: Command, terminal: Terminal): void {
  const policy = program.command('policy').description('check, test, compare and publish policies');
  withJson(policy.command('check <folder>'))
    .description(
      'check a policy folder: report every error, those of its tests included, and warn about likely mistakes',
    )
    .option('--strict', 'fail on warnings as well')
    .action((folder: string, options: CheckOptions) => check(folder, options, terminal));
  addPolicyPublish(policy, terminal);
  withJson(policy.command('install <folder>'))
    .description('make a policy folder the first active policy (KEYTURN_DATABASE_URL names the database)')
    .option('--first', 'if another policy is active, keep it and say how to publish this one')
    .action((folder: string, options: InstallOptions) => install(folder, options, terminal));
  addPolicyTest(policy, terminal);
  addPolicyExplain(policy, terminal);
  addPolicyDiff(policy, terminal);
  addPolicyBacktest(policy, terminal);
}

async function check(folder: string, options: CheckOptions, terminal: Terminal): Promise<void> {
  const checked = await loadFolder(folder, options, terminal);
  const { policy, digest, warnings } = checked;
  const tests = await loadAnyPolicyTests(folder, policy);
  if (!tests.ok) throw refuseProblems(tests.problems, options, terminal);
  const isGood = warnings.length === 0 || options.strict !== true;
  printWarnings(checked, options, terminal);
  if (options.json) terminal.out(JSON.stringify({ ok: isGood, digest, warnings }));
  else if (isGood) terminal.out(`${visible(folder)} is valid. Its digest: ${digest}`);
  if (!isGood) throw silentFailure();
}

async function install(folder: string, options: InstallOptions, terminal: Terminal): Promise<void> {
  const checked = await loadFolder(folder, options, terminal);
  const { digest, warnings } = checked;
  printWarnings(checked, options, terminal);
  const url = databaseUrl(terminal);
  const reason = terminal.environment['KEYTURN_POLICY_RECOVERY'] === 'true' ? 'recovery' : 'bootstrap';
  // The database is of no use to the other commands: they should not wait for its driver.
  const { installPolicyInto } = await import('../policy-installer.ts');
  const installed = await installPolicyInto(url, checked, reason).catch(leaveActive);
  if (installed === null) return otherIsActive(folder, options, terminal);
  if (options.json) return terminal.out(JSON.stringify({ ok: true, ...installed, warnings }));
  const what = installed.is_new ? 'is now active' : 'was active already';
  return terminal.out(`${digest} ${what}, generation ${installed.generation}.`);
}

function leaveActive(error: unknown): null {
  if (isKeyturnError(error) && error.code === 'policy_active') return null;
  throw error;
}

function otherIsActive(folder: string, options: InstallOptions, terminal: Terminal): void {
  const advice = `To change it: keyturn policy publish ${visible(folder)}`;
  if (options.first !== true)
    throw failure(
      'policy_active',
      `Another policy is already active, and install is for the first one only. ${advice}`,
    );
  if (options.json) return terminal.out(JSON.stringify({ ok: true, is_new: false, is_other_active: true }));
  return terminal.out(`${visible(folder)} differs from the active policy, which stays. ${advice}`);
}
