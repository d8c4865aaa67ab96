import { Option, type Command } from 'commander';

import { OWN_TARGET, RESOLUTIONS, RESOLVE } from '../../../domain/policy/policy.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { requestOf, reportCreated } from '../created.ts';
import type { Terminal } from '../terminal.ts';

interface ResolveOptions extends ApiOptions {
  readonly as: (typeof RESOLUTIONS)[number];
  readonly justification: string;
}

export function addResolve(program: Command, terminal: Terminal): void {
  withApi(program.command('resolve <request>'))
    .description('report whether an action with an unknown outcome was executed; an operator has to approve')
    .addOption(
      new Option('--as <outcome>', 'what you found on the target')
        .choices([...RESOLUTIONS])
        .makeOptionMandatory(),
    )
    .requiredOption('--justification <text>', 'how you found out, for the people who approve')
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
  reportCreated(requestOf(created), options, terminal);
}
