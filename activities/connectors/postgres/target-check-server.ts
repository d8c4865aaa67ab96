import { escapeIdentifier } from 'pg';

import type { TargetSettings } from './settings.ts';
import { attention, failed, found, good, orGood, type TargetFinding } from './target-finding.ts';

/** Where a session is: an answer to `HERE`. */
export interface HereRow {
  readonly login: string;
  readonly database: string;
  /** True where the login role is not one that the set-up makes: nothing that is printed changes it. */
  readonly is_login_foreign: boolean;
  readonly version: string;
  readonly version_number: number;
  readonly is_standby: boolean;
  readonly is_read_only: boolean;
  readonly is_counting: boolean;
  readonly temp_file_limit: string;
  readonly connections_max: number;
  readonly database_limit: number;
  readonly role_limit: number;
  readonly is_local: boolean;
  readonly is_encrypted: boolean;
}

/** Statements are noted in functions with a body of SQL, which older servers do not know. */
const VERSION_MIN = 140_000;
/** From here on the server itself ends a rehearsal that takes too long. */
const TRANSACTION_TIMEOUT_SINCE = 170_000;

/** Sessions that one worker may have open: eight statements that are planned and eight that are executed, four each. */
const SESSIONS_MAX = 64;

/** SQL for the login role. Somebody else's role is left as it is: the target's URL is wrong then, not the role. */
export function forLogin(
  { is_login_foreign: isForeign }: HereRow,
  sql: readonly string[],
): readonly string[] {
  return isForeign ? [] : sql;
}

/** What the server is, and whether it takes what Keyturn does to it. */
export function serverFindings(here: HereRow, settings: TargetSettings): readonly TargetFinding[] {
  return [connection(here), ...server(here), ...limits(here, settings)];
}

function connection(here: HereRow): TargetFinding {
  const who = `${here.login} at database ${here.database}`;
  if (here.is_encrypted) return good('connection', `signed in as ${who}, with TLS`);
  if (here.is_local) return good('connection', `signed in as ${who}, on this machine`);
  return attention(
    'connection',
    `signed in as ${who}, without TLS: anybody between the worker and the target can read and change everything. Add sslmode=verify-full to the URL`,
  );
}

function server(here: HereRow): readonly TargetFinding[] {
  const findings = [
    here.version_number < VERSION_MIN &&
      failed('server', `PostgreSQL ${here.version} is too old: 14 is the oldest that can be used`),
    here.is_standby && failed('server', 'it is a standby, which takes no writes: name the primary'),
    here.is_read_only &&
      failed(
        'server',
        'default_transaction_read_only is on: nothing can be written',
        forLogin(here, [
          `alter role ${escapeIdentifier(here.login)} set default_transaction_read_only = off;`,
        ]),
      ),
    !here.is_counting &&
      failed('server', 'track_counts is off, so nobody can see what a statement changes', [
        'alter system set track_counts = on; select pg_reload_conf();',
      ]),
  ];
  return orGood(findings, 'server', `PostgreSQL ${here.version}`);
}

function limits(here: HereRow, { planning }: TargetSettings): readonly TargetFinding[] {
  const login = escapeIdentifier(here.login);
  const sessions = Math.min(
    ...[here.connections_max, here.database_limit, here.role_limit].filter((limit) => limit >= 0),
  );
  return found([
    good('limits', planningText(planning)),
    sessions < SESSIONS_MAX &&
      attention(
        'limits',
        `at most ${sessions} sessions are allowed here, and one worker may open up to ${SESSIONS_MAX} under load (connection limits of role and database, max_connections)`,
      ),
    here.temp_file_limit === '-1' &&
      attention(
        'limits',
        'a rehearsal may fill the disk with temporary files',
        forLogin(here, [`alter role ${login} set temp_file_limit = '256MB'; -- as a superuser`]),
      ),
    here.version_number < TRANSACTION_TIMEOUT_SINCE &&
      attention(
        'limits',
        'before PostgreSQL 17 the server does not limit a whole rehearsal, only each statement',
      ),
  ]);
}

function planningText(planning: TargetSettings['planning']): string {
  const { rehearse, statementTimeoutMs, lockTimeoutMs, rowsMax } = planning;
  const way = { rows: 'statements are tried out', count: 'rows are counted', none: 'nothing is tried out' }[
    rehearse
  ];
  return `when planning, ${way}: at most ${statementTimeoutMs} ms a statement, ${lockTimeoutMs} ms for a lock, ${rowsMax} rows`;
}
