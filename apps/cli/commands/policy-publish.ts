import type { Command } from 'commander';

import { classifyChange } from '../../../domain/policy-diff/diff.ts';
import { OWN_TARGET, PUBLISH, type PolicySet } from '../../../domain/policy/policy.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { requestOf, reportCreated } from '../created.ts';
import { failure } from '../exit.ts';
import { withExamples } from '../help.ts';
import { loadFolder, printWarnings } from '../policy-folder.ts';
import type { Terminal } from '../terminal.ts';
import { visible } from '../../../domain/cards/visible.ts';
import { changeLines } from './policy-diff.ts';

interface PublishOptions extends ApiOptions {
  readonly justification?: string;
}

export function addPolicyPublish(policy: Command, terminal: Terminal): void {
  const command = withApi(policy.command('publish <folder>'))
    .description('request that a policy folder becomes the active policy: people review it like any request')
    .option('--justification <text>', 'why, in your own words')
    .action((folder: string, options: PublishOptions) => publish(folder, options, terminal));
  withExamples(command, ['keyturn policy publish policies --justification "Exports need two people"']);
}

/** Proposes a policy, shows what it would change, and requests its publication. */
async function publish(folder: string, options: PublishOptions, terminal: Terminal): Promise<void> {
  const checked = await loadFolder(folder, options, terminal);
  printWarnings(checked, options, terminal);
  const { policy, digest, sources } = checked;
  const client = await clientOf(options, terminal);
  const { digest: proposed, active } = await client.proposePolicy(sources);
  if (proposed !== digest)
    throw failure(
      'other_version',
      `The API compiles these files to ${visible(proposed)}, and this program to ${digest}: use the version of the API.`,
    );
  if (active === digest)
    return terminal.out(
      options.json
        ? JSON.stringify({ kind: 'unchanged', digest })
        : `${visible(digest)} is already the active policy.`,
    );
  const base = await client.policy(active);
  const { kind, changes } = classifyChange(base.policy as unknown as PolicySet, policy);
  const lines = [`This change is ${kind} overall:`, ...changeLines(changes), ''];
  if (!options.json) terminal.out(lines.join('\n'));
  const { justification } = options;
  const created = await client.request({
    action: PUBLISH.action,
    target: OWN_TARGET,
    arguments: { candidate: digest, base: active },
    ...(justification === undefined ? {} : { claims: { justification } }),
  });
  reportCreated(requestOf(created), options, terminal);
}
