import { Option, type Command } from 'commander';

import { canonicalJson } from '../../../domain/canonical-json.ts';
import type { CreateBody, RequestView } from '../../../domain/wire.ts';
import type { Created, KeyturnClient } from '../../../sdk/client.ts';
import { withArguments, readArguments, type ArgumentOptions } from '../arguments.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { silentFailure } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { requestLines } from '../text/request.ts';

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
}

/** `keyturn request` */
export function addRequest(program: Command, terminal: Terminal): void {
  withArguments(withApi(program.command('request <action> <target>')))
    .description('ask for a privileged action')
    .addOption(
      new Option('--mode <mode>', 'what to do when it is approved').choices(['execute', 'lease', 'gate']),
    )
    .option('--on-behalf-of <subject>', 'the person you act for')
    .option(
      '--break-glass',
      'as an emergency: a short path that policy has to offer, told to many, reviewed after',
    )
    .option('--not-before <instant>', 'when it is approved, start it from then on (RFC 3339)')
    .option('--not-after <instant>', 'and before then')
    .option('--justification <text>', 'why, in your own words')
    .option('--link <url...>', 'where to read more')
    .option('--run-id <id>', 'the run of the agent')
    .option('--model <name>', 'the model of the agent')
    .option('--prompt-digest <digest>', 'the hash of the first prompt')
    .option('--idempotency-key <key>', 'the same key never makes a second request')
    .option('--wait <seconds>', 'how long the server may take to plan it before it answers, up to 60')
    .addOption(new Option('--until <moment>', 'wait until then').choices(['decided', 'finished']))
    .action(async (action: string, target: string, options: RequestOptions) => {
      const body = await bodyOf(action, target, options);
      const client = await clientOf(options, terminal);
      const created = await client.request(body, {
        ...(options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey }),
        ...(options.wait === undefined ? {} : { waitSeconds: Number(options.wait) }),
      });
      const request = await awaitMoment(client, created, {
        until: options.until,
        signal: terminal.interrupted,
      });
      terminal.out(options.json ? JSON.stringify(request ?? queued(created)) : textOf(created, request));
      if (options.until !== undefined && request && FAILED.has(request.status)) throw silentFailure();
    });
}

/** Statuses that answer "did I get what I asked for" with no. */
const FAILED: ReadonlySet<string> = new Set(['denied', 'expired', 'cancelled', 'failed', 'indeterminate']);

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

interface Moment {
  readonly until: RequestOptions['until'];
  readonly signal: AbortSignal;
}

async function awaitMoment(
  client: KeyturnClient,
  created: Created,
  { until, signal }: Moment,
): Promise<RequestView | null> {
  const id = created.kind === 'recorded' ? created.request.id : created.id;
  if (until === 'decided') return client.untilDecided(id, { signal });
  if (until === 'finished') return client.untilFinished(id, { signal });
  return created.kind === 'recorded' ? created.request : null;
}

function queued(created: Created): object {
  return created.kind === 'queued' ? { id: created.id, status: 'planning' } : {};
}

function textOf(created: Created, request: RequestView | null): string {
  if (request) return requestLines(request, Date.now()).join('\n');
  const id = created.kind === 'queued' ? created.id : '';
  return `The request ${id} is kept and will be planned soon: keyturn watch ${id}`;
}
