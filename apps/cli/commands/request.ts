import { Option, type Command } from 'commander';

import { canonicalJson } from '../../../domain/crypto/canonical-json.ts';
import { OPEN, UNDECIDED } from '../../../domain/request/request.ts';
import type { CreateBody, RequestView } from '../../../contract/requests.ts';
import type { KeyturnClient } from '../../../sdk/client.ts';
import { withArguments, readArguments, type ArgumentOptions } from '../arguments.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { createdRequest, reportCreated } from '../created.ts';
import { stillOpen } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { parseTimeout } from '../text/times.ts';
import { visible } from '../text/visible.ts';

interface RequestOptions extends ApiOptions, ArgumentOptions {
  readonly mode?: CreateBody['mode'];
  readonly onBehalfOf?: string;
  readonly breakGlass?: boolean;
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

/** `keyturn request` */
export function addRequest(program: Command, terminal: Terminal): void {
  withArguments(withApi(program.command('request <action> <target>')))
    .description('request a privileged action')
    .addOption(new Option('--mode <mode>', 'what happens once it is approved').choices(['execute', 'gate']))
    .option('--on-behalf-of <subject>', 'the person you act for')
    .option(
      '--break-glass',
      'break-glass: fewer approvals, if policy allows it; many people are notified, and it is reviewed afterwards',
    )
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
      const body = await bodyOf(action, target, options);
      const client = await clientOf(options, terminal);
      terminal.progress('Waiting for the plan');
      const created = await client.request(body, {
        ...(options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey }),
        ...(options.wait === undefined ? {} : { waitSeconds: Number(options.wait) }),
      });
      const known = createdRequest(created);
      if (options.until === undefined) return reportCreated(known, options, terminal);
      terminal.progress(`Request ${visible(known.id)}: waiting until it is ${options.until}`);
      const request = await awaitMoment(client, known.id, { ...options, signal: terminal.interrupted });
      reportCreated({ ...known, request }, options, terminal);
      if (isOpen(request, options.until)) throw stillOpen(request.status, options.json === true);
    });
}

async function bodyOf(action: string, target: string, options: RequestOptions): Promise<CreateBody> {
  const claims = {
    justification: options.justification,
    links: options.link,
    run_id: options.runId,
    model: options.model,
    prompt_digest: options.promptDigest,
  };
  const body: CreateBody = {
    action,
    target,
    ...(options.mode === undefined ? {} : { mode: options.mode }),
    arguments: await readArguments(options),
    ...(options.onBehalfOf === undefined ? {} : { on_behalf_of: { subject: options.onBehalfOf } }),
    ...(options.breakGlass ? { break_glass: true } : {}),
    ...startOf(options),
    ...(Object.values(claims).some((claim) => claim !== undefined)
      ? { claims: withoutUndefined(claims) }
      : {}),
  };
  // Refuses what would lose digits or keys on the way, before anything is sent.
  canonicalJson(body);
  return body;
}

function startOf({ notBefore, notAfter }: RequestOptions): Pick<CreateBody, 'start'> {
  if (notBefore === undefined && notAfter === undefined) return {};
  return {
    start: {
      ...(notBefore === undefined ? {} : { not_before: notBefore }),
      ...(notAfter === undefined ? {} : { not_after: notAfter }),
    },
  };
}

function withoutUndefined(claims: object): NonNullable<CreateBody['claims']> {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}

interface Moment extends Pick<RequestOptions, 'until' | 'timeout'> {
  readonly signal: AbortSignal;
}

function awaitMoment(client: KeyturnClient, id: string, moment: Moment): Promise<RequestView> {
  const { until, timeout, signal } = moment;
  const options = { signal, ...(timeout === undefined ? {} : { timeoutMs: timeout }) };
  return until === 'decided' ? client.untilDecided(id, options) : client.untilFinished(id, options);
}

/** Waiting for a decision ends as soon as the request is approved. */
function isOpen({ status }: RequestView, until: NonNullable<RequestOptions['until']>): boolean {
  return (until === 'decided' ? UNDECIDED : OPEN).includes(status);
}
