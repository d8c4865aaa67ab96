import { classifyChange } from '../../domain/policy-diff/diff.ts';
import { OWN_TARGET, PUBLISH, type PolicySet } from '../../domain/policy/policy.ts';
import type { CompiledPolicy } from '../../policy-files/compile.ts';
import { clientOf, type ApiOptions } from './connection.ts';
import { createdRequest, reportCreated } from './created.ts';
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
  if (!options.json)
    terminal.out([...changeLines(base.policy as unknown as PolicySet, policy), ''].join('\n'));
  const { justification } = options;
  const created = await client.request({
    action: PUBLISH.action,
    target: OWN_TARGET,
    arguments: { candidate: digest, base: active },
    ...(justification === undefined ? {} : { claims: { justification } }),
  });
  reportCreated(createdRequest(created), options, terminal);
}

const SIGNS = { added: '+', removed: '-', edited: '~' } as const;

function changeLines(base: PolicySet, candidate: PolicySet): string[] {
  const { kind, changes } = classifyChange(base, candidate);
  const lines = changes.map((change) => {
    const named = change.name === null ? change.what : `${change.what} ${visible(change.name)}`;
    const because = change.because === undefined ? '' : `, ${change.because}`;
    return `  ${SIGNS[change.how]} ${named}: ${change.kind}${because}`;
  });
  return [`This change is ${kind} overall:`, ...lines];
}
