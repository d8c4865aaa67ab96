import { classifyChange } from '../../domain/policy-diff/diff.ts';
import { OWN_TARGET, PUBLISH, type PolicySet } from '../../domain/policy/policy.ts';
import type { CompiledPolicy } from '../../policy-files/compile.ts';
import { changeLines } from './commands/policy-diff.ts';
import { clientOf, type ApiOptions } from './connection.ts';
import { requestOf, reportCreated } from './created.ts';
import { failure } from './exit.ts';
import type { Terminal } from './terminal.ts';
import { visible } from './text/visible.ts';

export interface PublishOptions extends ApiOptions {
  readonly justification?: string;
}

/** Proposes a policy, shows what it would change, and requests its publication. */
export async function publishPolicy(
  { policy, digest, sources }: CompiledPolicy,
  options: PublishOptions,
  terminal: Terminal,
): Promise<void> {
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
