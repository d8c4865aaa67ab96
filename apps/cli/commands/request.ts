import { Option, type Command } from 'commander';

import { OPEN, UNDECIDED } from '../../../domain/request/status.ts';
import type { CreateBody, RequestView } from '../../../contract/requests.ts';
import { exact, given, readAction, withArguments, type ActionOptions } from '../arguments.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { requestOf, reportCreated } from '../created.ts';
import { stillOpen } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { parseTimeout } from '../text/times.ts';
import { visible } from '../../../domain/cards/visible.ts';

interface RequestOptions extends ApiOptions, ActionOptions {
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly justification?: string;
  readonly link?: string[];
  readonly runId?: string;
  readonly model?: string;
  readonly promptDigest?: string;
  readonly idempotencyKey?: string;
  readonly wait?: string;
  readonly until?: 'decided' | 'finished';
  readonly timeout?: number;
}

export function addRequest(program: Command, terminal: Terminal): void {
  withArguments(withApi(program.command('request <action> <target>')))
    .description('request a privileged action')
    .option('--not-before <instant>', 'once approved, do not start it before this instant (RFC 3339)')
    .option(
      '--not-after <instant>',
      'do not start it after this instant; it expires if it is not approved by then',
    )
    .option('--justification <text>', 'why, in your own words')
    .option('--link <url...>', 'where to read more')
    .option('--run-id <id>', 'the run of the agent')
    .option('--model <name>', 'the model of the agent')
    .option('--prompt-digest <digest>', 'the hash of the first prompt')
    .option(
      '--idempotency-key <key>',
      'a repeat with the same key finds the first request instead of creating another',
    )
    .option('--wait <seconds>', 'how long to wait for the plan before the command returns, up to 60')
    .addOption(
      new Option('--until <moment>', 'wait until the request is decided or finished').choices([
        'decided',
        'finished',
      ]),
    )
    .option('--timeout <duration>', 'with --until: how long to wait at most, for example 10m', parseTimeout)
    .action(async (action: string, target: string, options: RequestOptions) => {
      const body = exact(await bodyOf(action, target, options));
      const client = await clientOf(options, terminal);
      terminal.progress('Waiting for the plan');
      const created = await client.request(body, {
        ...given({ idempotencyKey: options.idempotencyKey }),
        ...(options.wait === undefined ? {} : { waitSeconds: Number(options.wait) }),
      });
      const known = requestOf(created);
      if (options.until === undefined) return reportCreated(known, options, terminal);
      terminal.progress(`Request ${visible(known.id)}: waiting until it is ${options.until}`);
      const patience = { signal: terminal.interrupted, ...given({ timeoutMs: options.timeout }) };
      const request = await (options.until === 'decided'
        ? client.untilDecided(known.id, patience)
        : client.untilFinished(known.id, patience));
      reportCreated(request, options, terminal);
      if (isOpen(request, options.until)) throw stillOpen(request.status, options.json === true);
    });
}

async function bodyOf(action: string, target: string, options: RequestOptions): Promise<CreateBody> {
  const claims = given({
    justification: options.justification,
    links: options.link,
    run_id: options.runId,
    model: options.model,
    prompt_digest: options.promptDigest,
  });
  const start = given({ not_before: options.notBefore, not_after: options.notAfter });
  return {
    ...(await readAction(action, target, options)),
    ...(Object.keys(start).length > 0 ? { start } : {}),
    ...(Object.keys(claims).length > 0 ? { claims } : {}),
  };
}

/** Waiting for a decision ends as soon as the request is approved. */
function isOpen({ status }: RequestView, until: NonNullable<RequestOptions['until']>): boolean {
  return (until === 'decided' ? UNDECIDED : OPEN).includes(status);
}
