import { escapeIdentifier, type Client, type QueryResultRow } from 'pg';

import { CREATORS, EVENT_TRIGGERS, ROLES } from './dependencies.sql.ts';
import { catalogueRows } from './kept-sessions.ts';
import { StatementRefused } from './refusal.ts';
import type { TargetSettings } from './settings.ts';

interface RoleRow extends QueryResultRow {
  readonly is_login_super: boolean;
  readonly is_statement_super: boolean;
  readonly can_become_login: boolean;
  readonly can_write_ledger: boolean | null;
}

/**
 * The roles do most of the work of keeping a dry run harmless, and what it changes is read from the server's counters:
 * a target without them is not used. Nor is one where noting the statement would set off what nobody vouches for.
 * Answers whether it sets off anything at all.
 */
export async function refuseUnsafeTarget(
  client: Client,
  settings: TargetSettings,
): Promise<{ readonly isWatched: boolean }> {
  const [[row], watchers, creators] = await Promise.all([
    catalogueRows<RoleRow>(client, ROLES, [settings.statementRole, settings.hasLedger]),
    catalogueRows<{ name: string }>(client, EVENT_TRIGGERS),
    catalogueRows<CreatorRow>(client, CREATORS, [
      [...settings.searchPath, ...schemasOf(settings.allowedFunctions)],
    ]),
  ]);
  const reason = row === undefined ? 'the statement role does not exist' : unsafe(row, settings);
  if (reason !== null) throw notSafe(reason);
  for (const creator of creators) throw notSafe(plantable(creator));
  for (const { name } of watchers) {
    if (!settings.allowedFunctions.has(name))
      throw notSafe(`its list of functions lacks ${name}, an event trigger`);
  }
  return { isWatched: watchers.length > 0 };
}

/** A list of names vouches for whatever function has such a name. */
function schemasOf(functions: ReadonlySet<string>): readonly string[] {
  return [...functions].map((name) => name.slice(0, name.lastIndexOf('.')));
}

interface CreatorRow extends QueryResultRow {
  readonly schema: string;
  readonly role: string;
}

/** Where others may create, a function or operator of theirs could stand in for the one that a statement or a list means. */
function plantable({ schema, role }: CreatorRow): string {
  const name = escapeIdentifier(schema);
  const holder = role === 'public' ? 'public' : escapeIdentifier(role);
  return `${holder} may create in schema ${name}, which is on its path or has functions of its list: run REVOKE CREATE ON SCHEMA ${name} FROM ${holder}`;
}

function notSafe(reason: string): StatementRefused {
  return new StatementRefused('target_error', `The target is not set up safely: ${reason}.`);
}

/** What changes is read from the server's counters; without them every change would look like none. */
export function notCounting(): StatementRefused {
  return notSafe('track_counts is off, so nobody can see what changes');
}

function unsafe(row: RoleRow, settings: TargetSettings): string | null {
  if (row.is_login_super) return 'the login role is a superuser';
  if (row.is_statement_super) return 'the statement role is a superuser';
  if (row.can_become_login) return 'the statement role can become the login role';
  if (!settings.hasLedger) return null;
  if (row.can_write_ledger === null) return 'the ledger keyturn.execution does not exist';
  return row.can_write_ledger ? 'the statement role can write the ledger' : null;
}
