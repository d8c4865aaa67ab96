import type { Command } from 'commander';

import { programVersion } from '../../../configuration/version.ts';
import { counted } from '../../../domain/cards/counted.ts';
import type { Me } from '../../../contract/me.ts';
import type { ProtectedResource } from '../../../contract/sign-in.ts';
import { apiUrl, clientOf, withApi, type ApiOptions } from '../connection.ts';
import { ask, clockText, diagnose, skipped, type Diagnosis } from '../doctor.ts';
import { silentFailure } from '../exit.ts';
import { withExamples } from '../help.ts';
import type { Terminal } from '../terminal.ts';
import { tableLines } from '../text/table.ts';
import { visible } from '../../../domain/cards/visible.ts';

export function addDoctor(program: Command, terminal: Terminal): void {
  const command = withApi(program.command('doctor'))
    .summary('check what Keyturn needs: addresses, versions, clocks, keys, issuers')
    .description(
      'check what Keyturn needs, as far as possible from here: addresses, versions, clocks, keys, issuers, your sign-in; with KEYTURN_DATABASE_URL the database, with TEMPORAL_ADDRESS Temporal',
    )
    .action((options: ApiOptions) => doctor(options, terminal));
  withExamples(command, ['keyturn doctor', 'export $(cat .keyturn/operator.env); keyturn doctor --json']);
}

async function doctor(options: ApiOptions, terminal: Terminal): Promise<void> {
  const api = apiUrl(options, terminal).replace(/\/+$/, '');
  const found = [
    await diagnose('this program', async () => `version ${programVersion()}, Node ${process.version}`),
    ...(await apiDiagnoses(api, async () => (await clientOf(options, terminal)).me())),
    ...(await issuerDiagnoses(api)),
    ...(await serverDiagnoses(terminal)),
  ];
  const isOk = found.every(({ outcome }) => outcome !== 'failed');
  if (options.json) terminal.out(JSON.stringify({ ok: isOk, checks: found }));
  else terminal.out(reportLines(found).join('\n'));
  if (!isOk) throw silentFailure();
}

async function apiDiagnoses(api: string, me: () => Promise<Me>): Promise<readonly Diagnosis[]> {
  const lives = await diagnose('API', async () => {
    const { status } = await ask(`${api}/healthz`);
    if (status !== 200)
      throw new Error(`${api} answers ${status}: is this the API? (--api, KEYTURN_API_URL)`);
    return api;
  });
  if (lives.outcome !== 'ok')
    return [{ ...lives, detail: `${api}: ${lives.detail}. Is --api (KEYTURN_API_URL) right?` }];
  return [
    lives,
    await diagnose('API clock', async () => clockOf(`${api}/healthz`, 'the API')),
    await diagnose('API is ready', () => readinessText(api)),
    await diagnose('keys', () => keysText(api)),
    await diagnose('sign-in', async () => signInText(await me())),
  ];
}

async function clockOf(url: string, whose: string): Promise<string> {
  const { aheadMs } = await ask(url);
  if (aheadMs === null) return `${whose} does not say what time it is`;
  return clockText(aheadMs, whose);
}

async function readinessText(api: string): Promise<string> {
  const { status, body } = await ask(`${api}/readyz`);
  const checks = Object.entries((body as { readonly checks?: Record<string, string> } | null)?.checks ?? {});
  const text = checks.map(([name, outcome]) => `${name} ${outcome}`).join(', ');
  if (status === 200) return text;
  throw new Error(
    `${text || `it answers ${status}`}: its log says why. "unreachable" also means that its clock differs from the database's, or that it cannot use the active policy`,
  );
}

async function keysText(api: string): Promise<string> {
  const { body } = await ask(`${api}/v1/keys`);
  const { keys } = body as { readonly keys: readonly { readonly kid?: string }[] };
  if (keys.length === 0) throw new Error('the API has no key: nothing that it signs can be verified');
  return `signed with ${keys.map(({ kid }) => kid ?? 'a key without id').join(', ')}`;
}

function signInText(me: Me): string {
  if (me.kind === 'unknown')
    throw new Error(
      `the directory does not know ${me.identity.subject} at ${me.identity.issuer}: add the account to a person or agent`,
    );
  const decides = me.may_decide ? 'may decide' : `may not decide (${me.why_not?.code ?? ''})`;
  return `${me.id ?? ''}, ${me.kind}, ${decides}; API version ${me.version}`;
}

async function issuerDiagnoses(api: string): Promise<readonly Diagnosis[]> {
  const answer = await ask(`${api}/.well-known/oauth-protected-resource`).catch(() => null);
  const { keyturn_sign_in: named } = (answer?.body ?? {}) as Partial<ProtectedResource>;
  const offers = answer?.status === 200 && Array.isArray(named) ? named : [];
  const found = await Promise.all(
    offers.map(async ({ issuer }) => [
      await diagnose('issuer', () => issuerText(issuer)),
      await diagnose('issuer clock', async () => clockOf(discoveryOf(issuer), issuer)),
    ]),
  );
  return found.length > 0
    ? found.flat()
    : [skipped('issuer', 'the API names no issuer where people sign in')];
}

function discoveryOf(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
}

async function issuerText(issuer: string): Promise<string> {
  const { status, body } = await ask(discoveryOf(issuer));
  const { issuer: named, jwks_uri: keysUrl } = (body ?? {}) as {
    readonly issuer?: string;
    readonly jwks_uri?: string;
  };
  if (status !== 200 || keysUrl === undefined)
    throw new Error(`${issuer} has no discovery document (it answers ${status})`);
  if (named !== issuer)
    throw new Error(
      `${issuer} calls itself ${named ?? 'nothing'}: issuers.yaml must contain exactly this text`,
    );
  return `${issuer}, ${await keySetText(keysUrl)}`;
}

async function keySetText(url: string): Promise<string> {
  const { status, body } = await ask(url);
  const count = ((body ?? {}) as { readonly keys?: readonly unknown[] }).keys?.length ?? 0;
  if (count === 0) throw new Error(`${url} has no keys (it answers ${status})`);
  return counted(count, 'key');
}

/** What only operators can reach. The drivers are large: they are loaded only when there is something to check. */
async function serverDiagnoses({ environment }: Terminal): Promise<readonly Diagnosis[]> {
  const { KEYTURN_DATABASE_URL: url, TEMPORAL_ADDRESS: address } = environment;
  const database = url
    ? await (await import('../doctor-database.ts')).databaseDiagnoses(url)
    : [skipped('database', 'set KEYTURN_DATABASE_URL to check it from here')];
  const temporal = address
    ? await (await import('../doctor-temporal.ts')).temporalDiagnoses(environment)
    : [skipped('Temporal', 'set TEMPORAL_ADDRESS to check it from here')];
  return [...database, ...temporal];
}

const MARKS = { ok: 'ok', failed: 'FAILED', skipped: 'skipped' } as const;

function reportLines(found: readonly Diagnosis[]): string[] {
  const rows = found.map(({ check, outcome, detail }) => [MARKS[outcome], visible(check), visible(detail)]);
  const failures = found.filter(({ outcome }) => outcome === 'failed').length;
  const verdict =
    failures === 0
      ? 'No problems found, as far as can be checked from here.'
      : `${failures} of ${found.length} checks FAILED.`;
  return [...tableLines(rows), verdict];
}
