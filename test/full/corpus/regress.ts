import { readFileSync } from 'node:fs';
import path from 'node:path';

import type { Client } from 'pg';

import type { Connector } from '../../../activities/connectors/connector.ts';
import { filled, GRANTS, inSession, type Clone, type Clones } from '../../corpus/clones.ts';
import type { Tried } from '../../corpus/report.ts';
import { readState } from '../../corpus/state.ts';
import { tryInClone } from '../../corpus/trial.ts';
import { statementsOf } from './psql-script.ts';

/** What trying a script needs. */
export interface RegressRun {
  readonly clones: Clones;
  readonly connector: Connector;
  /** Where the scripts are. */
  readonly folder: string;
}

/** Of a script with more writing statements, this many are tried, evenly spread; the others are only run. */
const TRIED_MAX = 45;

/** The database that all scripts start from. */
export async function createRegressTemplate({ clones, folder }: RegressRun): Promise<Clone> {
  const template = await clones.create('grant all on schema public to current_user');
  await inSession(template.adminUrl, async (client) => {
    for (const statement of readScript(folder, 'test_setup')) await ignoringErrors(client, statement);
  });
  return template;
}

function readScript(folder: string, name: string): readonly string[] {
  return statementsOf(readFileSync(path.join(folder, `${name}.sql`), 'utf8')).map(withPlainTables);
}

/** Keyturn's own session would not see a temporary table of the script's. */
function withPlainTables(statement: string): string {
  return statement
    .replace(/^(create\s+(?:or\s+replace\s+)?)(?:(?:local|global)\s+)?temp(?:orary)?\s+/i, '$1')
    .replace(/\s+on\s+commit\s+(?:drop|delete\s+rows|preserve\s+rows)/i, '');
}

/** Tries writing statements of one script, each on what the script has built up to it. */
export async function tryScript(run: RegressRun, template: Clone, name: string): Promise<readonly Tried[]> {
  const database = await run.clones.copy(template);
  const tried = await inSession(database.adminUrl, async (client) => {
    const statements = readScript(run.folder, name);
    const writing = statements.flatMap((statement, index) => (isWriting(statement) ? [index] : []));
    const step = Math.max(1, writing.length / TRIED_MAX);
    const chosen = new Set(
      Array.from({ length: TRIED_MAX }, (_, index) => writing[Math.floor(index * step)]),
    );
    const tried: Tried[] = [];
    for (const [index, statement] of statements.entries()) {
      if (chosen.has(index)) tried.push(...(await tryOne(run, { client, database, name, statement })));
      else await ignoringErrors(client, statement);
    }
    return tried;
  });
  await run.clones.drop(database);
  return tried;
}

interface Step {
  readonly client: Client;
  readonly database: Clone;
  readonly name: string;
  readonly statement: string;
}

async function tryOne(run: RegressRun, step: Step): Promise<readonly Tried[]> {
  const { client, database, name, statement } = step;
  // What the server itself refuses, or what only the script's own session knows, says nothing about plans.
  if (!(await wouldRun(client, statement))) return [];
  await client.query(filled(GRANTS, database, run.clones.roles));
  const before = await readState(database.adminUrl);
  const connection = {
    search_path: await searchPath(client),
    allowed_functions: await ownFunctions(client),
  };
  const bench = { ...run, template: database, mirror: database, spare: [], before, connection };
  const verdict = await tryInClone(bench, database, {
    text: statement,
    isSampled: false,
    assigned: null,
    unknown: [],
  });
  if (verdict.kind === 'refused' || verdict.kind === 'wrong') await ignoringErrors(client, statement);
  return [{ subject: name, text: statement, verdict }];
}

const WRITING = /^(insert|update|delete|merge)\b|^with\b[\s\S]*\b(insert|update|delete|merge)\b/i;

function isWriting(statement: string): boolean {
  return WRITING.test(statement);
}

/** Transactions and identities are ours; databases, servers and files are not to be touched. */
const SKIPPED =
  /^(begin|start|commit|end|rollback|abort|savepoint|release|prepare transaction|set (local|session|role|transaction|constraints)|reset|(create|drop|alter) (database|tablespace|subscription|role|user|group|system)|copy|vacuum|reindex|checkpoint|lock|declare|fetch|move|close|explain|select pg_)/i;

async function ignoringErrors(client: Client, statement: string): Promise<void> {
  if (SKIPPED.test(statement)) return;
  await client.query(statement).catch(() => client.query('rollback'));
}

async function wouldRun(client: Client, statement: string): Promise<boolean> {
  await client.query('begin');
  const answer = await client
    .query(statement)
    .then(() => client.query('set constraints all immediate').then(isYes, isNo), isNo);
  await client.query('rollback');
  return answer;
}

function isYes(): boolean {
  return true;
}

function isNo(): boolean {
  return false;
}

async function searchPath(client: Client): Promise<string[]> {
  const text = 'select unnest(current_schemas(false))::text as name';
  const { rows } = await client.query<{ name: string }>(text);
  return rows.map(({ name }) => name);
}

async function ownFunctions(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(`
    select distinct nspname || '.' || proname as name from pg_proc join pg_namespace nsp on nsp.oid = pronamespace
     where nspname !~ '^pg_' and nspname not in ('information_schema', 'keyturn') and concat(nspname, proname) !~ '[."]'`);
  return rows.map(({ name }) => name);
}
