import {
  Client,
  DatabaseError,
  escapeIdentifier,
  escapeLiteral,
  type QueryResult,
  type QueryResultRow,
} from 'pg';

import { KeyturnError } from '../../../domain/errors.ts';
import { TurnSocket } from '../../../database/turn-socket.ts';
import { resolveTargetReference } from '../references.ts';
import { causeOfLostSession, causeOfRefusedSession } from './connection-cause.ts';
import type { PostgresLimits, TargetSettings } from './settings.ts';

/** A client-side limit somewhat above the server's: it only acts when the network has swallowed the answer. */
const ANSWER_GRACE_MS = 5_000;

/** What opens a session. */
export interface SessionRequest {
  readonly settings: TargetSettings;
  readonly limits: PostgresLimits;
  readonly requestId: string;
}

/** The connection URL of the executor's login role, as its reference says now. */
export function sessionUrl(request: SessionRequest): Promise<string> {
  return resolveTargetReference(request.settings.url);
}

/** A fresh connection of the executor's login role. `unavailable` when the target cannot be reached. */
export async function openSession(
  request: SessionRequest,
  { url: named, ...options }: { readonly pipeline?: boolean; readonly url?: string } = {},
): Promise<Client> {
  const url = named ?? (await sessionUrl(request));
  let client: Client | undefined;
  try {
    client = newClient(url, request, options);
    await client.connect();
    return client;
  } catch (error) {
    if (client) await closeSession(client);
    throw new KeyturnError('unavailable', 'The target cannot be reached.', {
      ...causeOfRefusedSession(error),
    });
  }
}

function newClient(
  url: string,
  { requestId, limits }: SessionRequest,
  options: { readonly pipeline?: boolean },
): Client {
  const client = new Client({
    ...options,
    connectionString: url,
    application_name: applicationName(requestId),
    connectionTimeoutMillis: limits.connectTimeoutMs,
    query_timeout: Math.max(limits.statementTimeoutMs, limits.probeTimeoutMs) + ANSWER_GRACE_MS,
    keepAlive: true,
    stream: () => new TurnSocket(),
  });
  // Without a listener, the end of an idle connection would end the process; a query that waits fails anyway.
  client.on('error', () => undefined);
  return client;
}

/** Ends a session at once; a transaction still open in it is rolled back by the server. */
export async function closeSession(client: Client): Promise<void> {
  await client.end().catch(() => undefined);
}

/** What drivers and sockets say when the other side is gone. */
const LOST =
  /^(Connection terminated|Client has encountered a connection error|Query read timeout|timeout expired)/;

/** True when the target could not be reached or was lost on the way, as opposed to a defect or a refusal. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof DatabaseError || 'syscall' in error) return true;
  return LOST.test(error.message) || ('code' in error && /^E[A-Z]+$/.test(String(error.code)));
}

/** The target went away in the middle of something. Its cause is no part of the message: it is for reviewers, operators and the log. */
export function lostSession(error: unknown, facts: { readonly wasReached?: true } = {}): KeyturnError {
  return new KeyturnError('unavailable', 'The target cannot be reached.', {
    ...causeOfLostSession(error),
    ...facts,
  });
}

/** `keyturn req_…`, so that the target's own logs and pg_stat_activity join ours. */
function applicationName(requestId: string): string {
  return `keyturn ${plainText(requestId)}`.slice(0, 63);
}

/** The comment in front of a statement. Both parts are reduced to characters that cannot end a comment. */
export function commentOf(requestId: string, requester: string): string {
  return `/* keyturn request=${plainText(requestId)} requester=${plainText(requester)} */`;
}

const LABEL_CHARACTERS_MAX = 200;

function plainText(text: string): string {
  return text.slice(0, LABEL_CHARACTERS_MAX).replace(/[^A-Za-z0-9_.@:-]/g, '_');
}

/** How a transaction starts. */
export interface TransactionStart {
  readonly isolation: 'read committed' | 'repeatable read' | 'serializable';
  /** Reads only, in the state that this exported snapshot shows. */
  readonly snapshot?: string;
}

/** True while a transaction is open. Of a session that has no query under way. */
export function isOpen(client: Client): boolean {
  return client.getTransactionStatus() !== 'I';
}

/** The statement that ends the transaction of a session, where one is open. */
export function ending(client: Client): readonly string[] {
  return isOpen(client) ? ['rollback'] : [];
}

/** Undoes the transaction of a session, where one is open. */
export async function endTransaction(client: Client): Promise<void> {
  if (isOpen(client)) await client.query('rollback');
}

/** Begins a transaction with all limits set for it alone, once an earlier one is undone. */
export async function begin(client: Client, start: TransactionStart, request: SessionRequest): Promise<void> {
  await together(client, beginningIn(client, start, request));
}

/** `beginning` in a session that may be in a transaction still, which is undone. */
export function beginningIn(
  client: Client,
  start: TransactionStart,
  request: SessionRequest,
): readonly string[] {
  return [...ending(client), ...beginning(start, request)];
}

/** The statements that begin a transaction with all limits set for it alone. */
export function beginning(start: TransactionStart, request: SessionRequest): readonly string[] {
  const access = start.snapshot === undefined ? 'read write' : 'read only';
  return [
    `begin isolation level ${start.isolation} ${access}`,
    ...(start.snapshot === undefined ? [] : [`set transaction snapshot ${escapeLiteral(start.snapshot)}`]),
    OWN_PATH,
    settingLocally(localSettings(request)),
  ];
}

/**
 * A statement that makes names mean those of pg_catalog alone, until the transaction ends. Whatever somebody has put
 * into a schema of the target's path must not answer queries of our own.
 */
const OWN_PATH = 'set local search_path = pg_catalog, pg_temp';

/** Statements after which names mean what they mean to the statement, and it has the rights of its role. */
export function asStatement(settings: TargetSettings): readonly string[] {
  // Temporary objects come last, so that none can stand in for a table or function of the target.
  const path = ['pg_catalog', ...settings.searchPath, 'pg_temp'].map((schema) => escapeIdentifier(schema));
  return [`set local search_path = ${path.join(', ')}`, takingRole(settings.statementRole)];
}

/** The same where that role may not be there: then the role stays as it is, and who reads that it is not there refuses. */
export function asStatementIfThere(settings: TargetSettings): readonly string[] {
  const [path = ''] = asStatement(settings);
  const role = `from pg_catalog.pg_roles where rolname operator(pg_catalog.=) ${escapeLiteral(settings.statementRole)}`;
  return [path, `select pg_catalog.set_config('role', rolname, true) ${role}`];
}

/** Statements that lead back to the login role and to queries of our own. */
export function asOurselves(): readonly string[] {
  return [takingRole(null), OWN_PATH];
}

function localSettings({ limits, requestId }: SessionRequest): Readonly<Record<string, string>> {
  return {
    application_name: applicationName(requestId),
    statement_timeout: String(limits.statementTimeoutMs),
    lock_timeout: String(limits.lockTimeoutMs),
    idle_in_transaction_session_timeout: String(limits.idleTimeoutMs),
    transaction_timeout: String(limits.transactionTimeoutMs),
    row_security: 'on',
    // The grammar that refused hostile texts reads strings the standard way; so must the server.
    standard_conforming_strings: 'on',
    session_replication_role: 'origin',
    // Compiling our short queries would take longer than running them.
    jit: 'off',
  };
}

/** A statement that sets what this server knows of the given settings, until the transaction ends. */
export function settingLocally(values: Readonly<Record<string, string>>): string {
  return `select pg_catalog.set_config(key, value, true)
    from pg_catalog.jsonb_each_text(${escapeLiteral(JSON.stringify(values))}::pg_catalog.jsonb)
   where pg_catalog.current_setting(key, true) operator(pg_catalog.<>) value`;
}

/** A statement that changes the role until the transaction ends; null goes back to the login role. */
export function takingRole(role: string | null): string {
  return `select pg_catalog.set_config('role', ${escapeLiteral(role ?? 'none')}, true)`;
}

/** Statements after which nothing can be written any more, not even by code of the target that looking sets off. */
export const LOOKING = ['savepoint keyturn_looks', 'set local transaction_read_only = on'];

/** Statements that end looking: what could be written, which role acts and all settings are as before. */
export const LOOKED = ['rollback to savepoint keyturn_looks', 'release savepoint keyturn_looks'];

/** Changes the role until the transaction ends; null goes back to the login role. */
export async function takeRole(client: Client, role: string | null): Promise<void> {
  await client.query(takingRole(role));
}

/** Runs statements of our own in one round trip, whatever they hold escaped. Rows of the last one. */
export async function together<Row extends QueryResultRow>(
  client: Client,
  statements: readonly string[],
): Promise<readonly Row[]> {
  const results: unknown = await client.query(statements.join(';\n'));
  return [results as QueryResult<Row>].flat().at(-1)?.rows ?? [];
}

/**
 * Answers to queries that share a session, or their first error in their order: those behind it may only say that the
 * transaction has failed. Not before all are over: nothing goes on in a session that was given up or used again meanwhile.
 */
export async function allAnswers<Queries extends readonly unknown[] | []>(
  queries: Queries,
): Promise<{ -readonly [Index in keyof Queries]: Awaited<Queries[Index]> }> {
  await Promise.allSettled(queries);
  return Promise.all(queries);
}

/** The extended protocol takes one statement only, whatever comments may hide. The type does not know the option. */
export function extended(text: string): { readonly text: string } {
  return { text, queryMode: 'extended' } as { readonly text: string };
}

/** Rows of a query of our own. */
export async function rowsOf<Row extends QueryResultRow>(
  client: Client,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const result = await client.query<Row>(text, [...values]);
  return result.rows;
}
