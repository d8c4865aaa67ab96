import { readFile } from 'node:fs/promises';

import type { Client } from 'pg';

import type { Target } from '../../../domain/policy/policy.ts';
import { isKeyturnError } from '../../../domain/errors.ts';
import { troubleOf } from '../trouble.ts';
import { readFunctionName } from './function-names.ts';
import { answersTo } from './questions.ts';
import { StatementRefused } from './refusal.ts';
import {
  asOurselves,
  asStatement,
  beginning,
  closeSession,
  openSession,
  rowsOf,
  sessionUrl,
  takingRole,
  together,
  type SessionRequest,
} from './session.ts';
import { DEFAULT_LIMITS, planningLimits, readTargetSettings, type TargetSettings } from './settings.ts';
import { failureOf, isSqlError } from './sql-error.ts';
import {
  privilegeFindings,
  type RelationRow,
  type SchemaRow,
  type TableRow,
} from './target-check-privileges.ts';
import {
  ledgerFinding,
  roleFindings,
  SETUP_LOGIN,
  type LedgerRow,
  type RoleRow,
} from './target-check-roles.ts';
import { serverFindings, type HereRow } from './target-check-server.ts';
import * as sql from './target-check.sql.ts';
import { attention, failed, good, type TargetFinding } from './target-finding.ts';
import { notSafeText, safetyQuestions, unsafetiesOf } from './target-safety.ts';
import { fillTargetSetup } from './target-setup.ts';

/** What was found out about a target, and what its owner runs there. */
export interface TargetReport {
  readonly target: string;
  readonly isOk: boolean;
  readonly findings: readonly TargetFinding[];
  /** SQL to paste: the whole set-up where a part of it is missing, then grants. */
  readonly run: readonly string[];
}

/**
 * Looks at a target as the worker would use it: reference, connection, roles, ledger, limits, rights. Changes nothing
 * there: what it tries is rolled back. Nothing of the credential is in the report.
 */
export async function checkTarget(target: Target): Promise<TargetReport> {
  const findings: TargetFinding[] = [];
  try {
    for await (const finding of look(target)) findings.push(finding);
  } catch (error) {
    findings.push(failed(stageOf(findings), problemOf(error)));
  }
  const isOk = findings.every(({ outcome }) => outcome !== 'failed');
  const run = [...new Set(findings.flatMap((finding) => finding.run ?? []))];
  return { target: target.id, isOk, findings, run };
}

async function* look(target: Target): AsyncGenerator<TargetFinding> {
  const settings = readTargetSettings(target);
  const limits = planningLimits(DEFAULT_LIMITS, settings.planning);
  const request: SessionRequest = { settings, limits, requestId: 'target-check' };
  await sessionUrl(request);
  yield credential(settings.url);
  const client = await openSession(request, { pipeline: true });
  try {
    yield* lookInside(client, request);
  } finally {
    await closeSession(client);
  }
}

/** Root reads what the worker's user may not: then it says nothing of the worker. */
function credential(reference: string): TargetFinding {
  const isRoot = process.getuid?.() === 0;
  return isRoot && reference.startsWith('file:')
    ? attention(
        'credential',
        `${reference} has a value here, as root reads it: run this as the worker's user, who may not be able to`,
      )
    : good('credential', `${reference} has a value here`);
}

async function* lookInside(client: Client, request: SessionRequest): AsyncGenerator<TargetFinding> {
  const { settings } = request;
  await together(client, beginning({ isolation: 'read committed' }, request));
  const taken = [settings.statementRole, settings.observerRole ?? settings.statementRole];
  const [here] = await rowsOf<HereRow>(client, sql.HERE, [taken]);
  if (here === undefined) throw new Error('The server does not say where this is.');
  yield* serverFindings(here, settings);
  const names = [...new Set([here.login, ...taken])];
  const roles = await rowsOf<RoleRow>(client, sql.roles(here.version_number), [names]);
  const [ledger] = await rowsOf<LedgerRow>(client, sql.LEDGER);
  const found = [...roleFindings(roles, here), ledgerFinding(ledger, here, settings)];
  yield* await withSetUp(found, settings, here);
  // Only roles that exist have rights to look at.
  if (!roles.every(({ is_there }) => is_there)) return;
  yield* privilegeFindings(await readPrivileges(client, request, roles), settings);
  if (settings.hasLedger && ledger === undefined) return;
  const unsafeties = unsafetiesOf(settings, await answersTo(client, safetyQuestions(settings)));
  yield* unsafeties.map(({ reason, run }) => failed('safety', notSafeText(reason), run));
  if (unsafeties.length > 0) return;
  yield good(
    'safety',
    'nobody else may create objects in its schemas, and the roles have no more rights than they should',
  );
  await client.query('rollback');
  yield await tryOut(client, request);
}

async function readPrivileges(
  client: Client,
  { settings }: SessionRequest,
  roles: readonly RoleRow[],
): Promise<Parameters<typeof privilegeFindings>[0]> {
  const { searchPath, statementRole, observerRole, allowedFunctions } = settings;
  const path = searchPath.map((name) => (name === '$user' ? statementRole : name));
  const values = [path, statementRole, observerRole ?? statementRole];
  const listed = [...allowedFunctions].flatMap((entry) => readFunctionName(entry) ?? []);
  const functions = [listed.map(({ schema }) => schema), listed.map(({ name }) => name)];
  return {
    roles,
    schemas: await rowsOf<SchemaRow>(client, sql.SCHEMAS, values),
    tables: await rowsOf<TableRow>(client, sql.TABLES, values),
    sequences: await rowsOf<RelationRow>(client, sql.SEQUENCES, values),
    triggerFunctions: await rowsOf<RelationRow>(client, sql.TRIGGER_FUNCTIONS, values.slice(0, 2)),
    missingFunctions: await rowsOf<{ name: string }>(client, sql.MISSING_FUNCTIONS, functions),
  };
}

/** Goes the way of a statement, with none: what stands in its way is then known, whatever it is. */
async function tryOut(client: Client, request: SessionRequest): Promise<TargetFinding> {
  const { settings } = request;
  await together(client, [
    ...beginning({ isolation: 'repeatable read' }, request),
    ...asStatement(settings),
    'create function pg_temp.keyturn_check() returns void language sql begin atomic end',
    ...asOurselves(),
    ...(settings.observerRole === null ? [] : [takingRole(settings.observerRole), ...asOurselves()]),
    ...(settings.hasLedger
      ? [`insert into keyturn.execution (key, request_id) values ('target-check', 'target-check')`]
      : []),
    'rollback',
  ]);
  return good('trial', 'an empty statement passed every step, and was rolled back');
}

/** What an error belongs to, by what was found out before it. */
function stageOf(findings: readonly TargetFinding[]): string {
  const last = findings.at(-1)?.check;
  if (last === undefined) return 'credential';
  if (last === 'credential') return 'connection';
  return last === 'safety' ? 'trial' : 'safety';
}

function problemOf(error: unknown): string {
  if (error instanceof StatementRefused) return error.message;
  if (isSqlError(error)) return failureOf(error).detail;
  const { cause, sql_state: state } = troubleOf(error);
  const isOurs = isKeyturnError(error);
  return `${isOurs ? '' : 'the check failed: '}${cause}${state === undefined ? '' : ` (${state})`}`;
}

/** The set-up with the names of this target, in place of what it mends. */
async function withSetUp(
  findings: readonly TargetFinding[],
  { statementRole, observerRole }: TargetSettings,
  { login: own, is_login_foreign: isForeign }: HereRow,
): Promise<readonly TargetFinding[]> {
  if (!findings.some((finding) => finding.isSetUpMissing)) return findings;
  const text = await readFile(new URL('target-setup.sql', import.meta.url), 'utf8');
  const login = isForeign ? SETUP_LOGIN : own;
  const roles = { login, statement: statementRole, observer: observerRole ?? statementRole };
  const run = [fillTargetSetup(text, roles).trim()];
  return findings.map((finding) => (finding.isSetUpMissing ? { ...finding, run } : finding));
}
