import { classifyChange } from '../../domain/policy-diff/diff.ts';
import { OWN_TARGET, PUBLISH, type PolicySet } from '../../domain/policy/policy.ts';
import { clientOf, type ApiOptions } from './connection.ts';
import { createdRequest, reportCreated } from './created.ts';
import type { Terminal } from './terminal.ts';
import { visible } from './text/visible.ts';

/** Options of `keyturn policy publish`. */
export interface PublishOptions extends ApiOptions {
  readonly justification?: string;
}

/** Proposes a policy, shows what it would change, and requests its publication. */
export async function publishPolicy(
  { policy, digest }: { readonly policy: PolicySet; readonly digest: string },
  options: PublishOptions,
  terminal: Terminal,
): Promise<void> {
  const client = await clientOf(options, terminal);
  const { active } = await client.proposePolicy(policy);
  if (active === digest) return reportUnchanged(digest, options, terminal);
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
  const people =
    kind === 'loosening' ? 'two different people have to approve it' : 'one person has to approve it';
  const lines = changes.map((change) => {
    const named = change.name === null ? change.what : `${change.what} ${visible(change.name)}`;
    const because = change.because === undefined ? '' : `, ${change.because}`;
    return `  ${SIGNS[change.how]} ${named}: ${change.kind}${because}`;
  });
  return [`This change is ${kind} overall: ${people}, or more where policy says so.`, ...lines];
}

function reportUnchanged(digest: string, { json = false }: PublishOptions, terminal: Terminal): void {
  const text = `${visible(digest)} is already the active policy.`;
  terminal.out(json ? JSON.stringify({ kind: 'unchanged', digest }) : text);
}
