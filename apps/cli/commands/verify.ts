import { readFile, writeFile } from 'node:fs/promises';

import type { Command } from 'commander';
import { z } from 'zod';

import { GOVERNING_STREAMS, streamNameSchema } from '../../../contract/streams.ts';
import type { Publication, UnreadPublication } from '../../../domain/audit/verification/publications.ts';
import { verifyStream, type StreamReport } from '../../../domain/audit/verification/streams.ts';
import {
  evidenceSchema,
  verifyRequest,
  type TrustedKeys,
  type VerificationReport,
} from '../../../domain/audit/verification/verify.ts';
import type { VerificationOutcome } from '../../../domain/audit/verification/report.ts';
import { KeyturnProblem, type KeyturnClient } from '../../../sdk/client.ts';
import { withExamples } from '../help.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { readProviders } from '../provider-keys.ts';
import { failure, silentFailure, usageError } from '../exit.ts';
import { allPages } from '../pages.ts';
import type { Terminal } from '../terminal.ts';
import { tableLines } from '../text/table.ts';
import { toned, tonedWord } from '../text/tone.ts';
import { visible } from '../../../domain/cards/visible.ts';

interface VerifyOptions extends ApiOptions {
  readonly keys?: string;
  readonly providerKeys?: string;
  readonly evidence?: string;
  readonly save?: string;
  readonly stream?: string;
}

export function addVerify(program: Command, terminal: Terminal): void {
  const command = withApi(program.command('verify [id]'))
    .description('check the evidence of a request: the log, the signatures, who decided, what ran')
    .option('--keys <file>', 'a JWKS that you trust, instead of the keys that the server sends')
    .option(
      '--provider-keys <file>',
      'identity providers with their keys, which decisions by a fresh sign-in are checked against',
    )
    .option('--evidence <file>', 'check evidence that was saved, without calling the server')
    .option('--save <file>', 'save the evidence')
    .option(
      '--stream <name>',
      `check a stream that belongs to no request: ${GOVERNING_STREAMS.join(', ')} (operators and auditors)`,
    )
    .action(async (id: string | undefined, options: VerifyOptions) => {
      const named = id ?? options.evidence;
      if ((named === undefined) === (options.stream === undefined))
        throw usageError('Name a request, a file with --evidence, or a stream with --stream.');
      if (named === undefined) return verifyNamed(options, terminal);
      const evidence = await evidenceOf(named, options, terminal);
      const request = id ?? requestOf(evidence.leaves);
      const keys = await trustedKeys(options, evidence.keys);
      const report = await verifyRequest({ ...evidence, request }, keys, new Date().toISOString());
      const whose = options.keys === undefined ? 'server' : 'pinned';
      terminal.out(
        options.json
          ? JSON.stringify({ ...report, keys: whose })
          : reportLines(report, options.keys).join('\n'),
      );
      refuseUnproven(report);
    });
  withExamples(command, [
    'keyturn verify ID --save evidence.json',
    'keyturn verify ID --evidence evidence.json --keys keys-of-our-own.json',
    'keyturn verify --stream policy',
  ]);
}

async function verifyNamed(options: VerifyOptions, terminal: Terminal): Promise<void> {
  const stream = streamNameSchema.safeParse(options.stream);
  if (!stream.success) throw usageError(`There are these streams: ${GOVERNING_STREAMS.join(', ')}.`);
  const client = await clientOf(options, terminal);
  const { items: leaves, state } = await allPages(({ cursor }) => client.auditStream(stream.data, cursor));
  const publications = stream.data === 'policy' ? await publicationsOf(client, leaves, options) : [];
  const evidence = { stream: stream.data, leaves, state, publications };
  const report = verifyStream(evidence, new Date().toISOString());
  terminal.out(options.json ? JSON.stringify(report) : streamLines(report).join('\n'));
  refuseUnproven(report);
}

function refuseUnproven({ ok, outcome }: Pick<VerificationReport, 'ok' | 'outcome'>): void {
  if (!ok) throw silentFailure(outcome === 'not_shown' ? 3 : 1);
}

/**
 * The requests that made policies active, each verified by itself. Of one that this caller may not read it is said why not;
 * any other refusal says nothing of the evidence, and ends the command.
 */
async function publicationsOf(
  client: KeyturnClient,
  leaves: readonly string[],
  options: VerifyOptions,
): Promise<readonly (Publication | UnreadPublication)[]> {
  const requests = new Set(
    leaves.flatMap((text) => leafSchema.safeParse(parsed(text)).data?.facts?.request ?? []),
  );
  const found: (Publication | UnreadPublication)[] = [];
  for (const request of requests) {
    const bundle = await bundleOf(client, request);
    if ('unread' in bundle) {
      found.push({ request, unread: bundle.unread });
      continue;
    }
    const evidence = { ...bundle, request };
    const { outcome } = await verifyRequest(
      evidence,
      await trustedKeys(options, bundle.keys),
      new Date().toISOString(),
    );
    found.push({ request, evidence, outcome });
  }
  return found;
}

async function bundleOf(
  client: KeyturnClient,
  request: string,
): Promise<z.infer<typeof bundleSchema> | Pick<UnreadPublication, 'unread'>> {
  try {
    const bundle = bundleSchema.safeParse(await client.evidence(request));
    return bundle.data ?? { unread: 'what the server sent is not evidence of a request' };
  } catch (error) {
    if (!(error instanceof KeyturnProblem) || !UNREADABLE.has(error.status)) throw error;
    const hint =
      error.status === 403 ? ' Those behind a request cannot verify it: ask another operator.' : '';
    return { unread: `${error.code}: ${error.detail}${hint}` };
  }
}

const UNREADABLE: ReadonlySet<number> = new Set([403, 404]);

/** The request that saved evidence is about: every entry names it, which the verification checks. */
function requestOf([first = '']: readonly string[]): string {
  const found = leafSchema.safeParse(parsed(first)).data?.stream?.request;
  if (found === undefined)
    throw failure('invalid_evidence', 'The file names no request: give its id as well.');
  return found;
}

const naming = z.object({ request: z.string() }).optional().catch(undefined);
const leafSchema = z.object({ stream: naming, facts: naming });

/** The verification itself reports what is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const keysSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });
/** The keys that were obtained another way, or else those of the server; never its word for the keys of others. */
async function trustedKeys(
  { keys, providerKeys }: VerifyOptions,
  sent: z.infer<typeof keysSchema>,
): Promise<TrustedKeys> {
  return {
    ...(keys === undefined ? sent : keysSchema.parse(await readJson(keys))),
    providers: providerKeys === undefined ? new Map() : await readProviders(providerKeys),
  };
}

const bundleSchema = evidenceSchema.omit({ request: true }).extend({ keys: keysSchema });

async function evidenceOf(
  id: string,
  options: VerifyOptions,
  terminal: Terminal,
): Promise<z.infer<typeof bundleSchema>> {
  const raw =
    options.evidence === undefined
      ? await (await clientOf(options, terminal)).evidence(id)
      : await readJson(options.evidence);
  if (options.save !== undefined)
    await writeFile(options.save, `${JSON.stringify(raw, null, 2)}\n`, { mode: 0o600 });
  const evidence = bundleSchema.safeParse(raw);
  if (evidence.success) return evidence.data;
  throw failure(
    'invalid_evidence',
    `This is not evidence of a request (${evidence.error.issues[0]?.path.join('.') ?? ''}).`,
  );
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw failure(
      'unreadable_file',
      `${file} cannot be read as JSON: ${error instanceof Error ? error.message : ''}`,
    );
  }
}

function streamLines(report: StreamReport): string[] {
  return [`Stream ${report.stream}`, ...tableLines(rowsOf(report)), verdictOf(report), LIMIT];
}

/** Each check in a line, then what the result rests on. */
export function reportLines(report: VerificationReport, pinnedKeys: string | undefined): string[] {
  const rows = rowsOf(report);
  const trust =
    pinnedKeys === undefined
      ? 'The keys came from the server itself. To check the server as well, give --keys with keys that you obtained another way.'
      : `The keys are those of ${visible(pinnedKeys)}.`;
  return [`Request ${visible(report.request)}`, ...tableLines(rows), verdictOf(report), trust, LIMIT];
}

function rowsOf({ checks }: Checked): string[][] {
  return checks.map(({ name, outcome, detail }) => [tonedWord(MARKS[outcome]), name, visible(detail)]);
}

type Checked = Pick<VerificationReport, 'checks' | 'outcome'>;

const MARKS: Readonly<Record<VerificationOutcome, string>> = {
  ok: 'ok',
  failed: 'FAILED',
  not_shown: 'not shown',
};

function verdictOf({ checks, outcome }: Checked): string {
  const count = checks.filter((check) => check.outcome === outcome).length;
  if (outcome === 'failed') return toned('alarm', `${count} of ${checks.length} checks FAILED.`);
  return outcome === 'ok'
    ? toned('good', 'All checks hold.')
    : toned('warning', `Nothing is wrong, but ${count} of ${checks.length} checks are not shown.`);
}

/** True of any evidence that comes from one database: no check can detect it. */
const LIMIT =
  'Not covered without a log kept elsewhere: that the owner of the database did not rewrite the log together with everything it is compared with.';
