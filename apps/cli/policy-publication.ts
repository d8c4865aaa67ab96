import { classifyChange } from '../../domain/policy-diff.ts';
import { completePolicy } from '../../domain/policy-upgrade.ts';
import { OWN_TARGET, PUBLISH, type PolicySet, type StoredPolicy } from '../../domain/policy.ts';
import type { Created } from '../../sdk/client.ts';
import { clientOf, type ApiOptions } from './connection.ts';
import type { Terminal } from './terminal.ts';
import { requestLines } from './text/request.ts';
import { visible } from './text/visible.ts';

/** Options of `keyturn policy publish`. */
export interface PublishOptions extends ApiOptions {
  readonly justification?: string;
}

/** Proposes a policy, shows what it would change, and asks for it to be published. */
export async function publishPolicy(
  { policy, digest }: { readonly policy: PolicySet; readonly digest: string },
  options: PublishOptions,
  terminal: Terminal,
): Promise<void> {
  const client = await clientOf(options, terminal);
  const { active } = await client.proposePolicy(policy);
  if (active === digest) return report(terminal, options, { kind: 'unchanged', digest });
  const base = await client.policy(active);
  if (!options.json)
    terminal.out([...changeLines(base.policy as unknown as StoredPolicy, policy), ''].join('\n'));
  const { justification } = options;
  const created = await client.request({
    action: PUBLISH.action,
    target: OWN_TARGET,
    arguments: { candidate: digest, base: active },
    ...(justification === undefined ? {} : { claims: { justification } }),
  });
  return report(terminal, options, created);
}

const SIGNS = { added: '+', removed: '-', edited: '~' } as const;

function changeLines(base: StoredPolicy, candidate: PolicySet): string[] {
  const { kind, changes } = classifyChange(completePolicy(base), candidate);
  const people = kind === 'loosening' ? 'two different people have to agree' : 'one person has to agree';
  const lines = changes.map((change) => {
    const named = change.name === null ? change.what : `${change.what} ${visible(change.name)}`;
    return `  ${SIGNS[change.how]} ${named}: ${change.kind}`;
  });
  return [`As a whole this is ${kind}: ${people}, or more where policy says so.`, ...lines];
}

type Asked = Created | { readonly kind: 'unchanged'; readonly digest: string };

function report(terminal: Terminal, { json = false }: PublishOptions, asked: Asked): void {
  switch (asked.kind) {
    case 'unchanged':
      return terminal.out(
        json ? JSON.stringify(asked) : `${visible(asked.digest)} is the active policy already.`,
      );
    case 'queued':
      return terminal.out(
        json
          ? JSON.stringify({ id: asked.id, status: 'planning' })
          : `The request ${visible(asked.id)} is kept and will be planned soon: keyturn watch ${visible(asked.id)}`,
      );
    case 'recorded':
      return terminal.out(
        json ? JSON.stringify(asked.request) : requestLines(asked.request, Date.now()).join('\n'),
      );
  }
}
