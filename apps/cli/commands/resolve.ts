import { Option, type Command } from 'commander';

import { OWN_TARGET, RESOLUTIONS, RESOLVE } from '../../../domain/policy.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import type { Terminal } from '../terminal.ts';
import { requestLines } from '../text/request.ts';
import { visible } from '../text/visible.ts';

interface ResolveOptions extends ApiOptions {
  readonly as: (typeof RESOLUTIONS)[number];
  readonly justification: string;
}

/** `keyturn resolve` */
export function addResolve(program: Command, terminal: Terminal): void {
  withApi(program.command('resolve <request>'))
    .description('tell what became of an action whose outcome is unknown; an operator has to agree')
    .addOption(
      new Option('--as <outcome>', 'what you found at the target')
        .choices([...RESOLUTIONS])
        .makeOptionMandatory(),
    )
    .requiredOption('--justification <text>', 'how you found out, for those who have to agree')
    .action((request: string, options: ResolveOptions) => resolve(terminal, request, options));
}

async function resolve(terminal: Terminal, request: string, options: ResolveOptions): Promise<void> {
  const client = await clientOf(options, terminal);
  const created = await client.request({
    action: RESOLVE.action,
    target: OWN_TARGET,
    arguments: { request, outcome: options.as },
    claims: { justification: options.justification },
  });
  if (created.kind === 'recorded') {
    const { request: asked } = created;
    return terminal.out(options.json ? JSON.stringify(asked) : requestLines(asked, Date.now()).join('\n'));
  }
  const { id } = created;
  return terminal.out(
    options.json
      ? JSON.stringify({ id, status: 'planning' })
      : `The request ${visible(id)} is kept and will be planned soon: keyturn watch ${visible(id)}`,
  );
}
