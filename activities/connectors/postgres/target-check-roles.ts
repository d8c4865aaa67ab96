import { escapeIdentifier } from 'pg';

import { forLogin, type HereRow } from './target-check-server.ts';
import type { TargetSettings } from './settings.ts';
import { attention, failed, found, good, orGood, type TargetFinding } from './target-finding.ts';

/** A role that a target names: an answer to `roles`. */
export interface RoleRow {
  readonly name: string;
  readonly is_there: boolean;
  readonly is_super: boolean;
  readonly sees_all_rows: boolean;
  readonly may_be_taken: boolean;
  readonly may_take_login: boolean;
  /** True where that was granted to it itself. */
  readonly is_given_login: boolean;
  readonly owns_database: boolean;
  readonly may_connect: boolean;
  readonly may_make_temporary: boolean;
}

/** The login role of the set-up's example. */
export const SETUP_LOGIN = 'keyturn_executor';

/** Whether the roles are there, may be taken, and are no more than they should be. */
export function roleFindings(rows: readonly RoleRow[], here: HereRow): readonly TargetFinding[] {
  const findings = [...loginFindings(rows, here), ...rows.flatMap((row) => findingsOf(row, here))];
  return orGood(findings, 'roles', `${rows.map(({ name }) => name).join(', ')} are as they should be`);
}

/** Somebody else's role is never mended here: it is the URL that is wrong. */
function loginFindings(rows: readonly RoleRow[], here: HereRow): readonly TargetFinding[] {
  if (!here.is_login_foreign) return [];
  const { login } = here;
  const isSuper = rows.some(({ name, is_super }) => name === login && is_super);
  const advice = `put the URL of the login role that the set-up made (${SETUP_LOGIN}) where the target's url points, and leave ${login} as it is`;
  return isSuper
    ? [failed('roles', `${login}, which signs in, is a superuser, whom nothing limits: ${advice}`)]
    : [
        attention(
          'roles',
          `${login}, which signs in, is no login role that the set-up made (it owns the database, may create roles or databases, or was granted no role of the target): ${advice}`,
        ),
      ];
}

function findingsOf(row: RoleRow, here: HereRow): readonly TargetFinding[] {
  const { login } = here;
  const { name } = row;
  const [role, own] = [name, login].map((one) => escapeIdentifier(one));
  if (!row.is_there) {
    const missing = `the role ${name} does not exist: misspelt in the target's file, or not set up`;
    return [{ ...failed('roles', missing), isSetUpMissing: true }];
  }
  // A superuser is a member of all roles, and that is not to be taken away: another role has to be named.
  if (row.is_super && name === login) return [];
  const superuser = `${name} is a superuser, whom nothing limits: name a role that the set-up made in the target's file`;
  if (row.is_super) return [failed('roles', superuser)];
  return found([
    // First: no two roles can be members of each other.
    row.may_take_login && takingLogin(row, here),
    !row.may_be_taken &&
      name !== login &&
      failed('roles', `${login} may not become ${name}`, forLogin(here, [`grant ${role} to ${own};`])),
    !(row.may_connect && row.may_make_temporary) && lackingDatabase(row, here),
  ]);
}

function lackingDatabase({ name }: RoleRow, here: HereRow): TargetFinding {
  const sql = `grant connect, temporary on database ${escapeIdentifier(here.database)} to ${escapeIdentifier(name)};`;
  const run = name === here.login ? forLogin(here, [sql]) : [sql];
  return failed('roles', `${name} lacks CONNECT or TEMPORARY on the database`, run);
}

/** Only what was granted can be revoked, and of the owner of a database nothing is taken. */
function takingLogin({ name, is_given_login, owns_database }: RoleRow, here: HereRow): TargetFinding {
  const text = `${name} may become ${here.login}, which writes the ledger`;
  if (!is_given_login)
    return failed('roles', `${text}, by way of another role: take it out of the roles that may`);
  if (owns_database)
    return failed('roles', `${text}, and owns the database: name another role in the target's file`);
  return failed(
    'roles',
    text,
    forLogin(here, [`revoke ${escapeIdentifier(here.login)} from ${escapeIdentifier(name)};`]),
  );
}

/** What the login role may do with the ledger: an answer to `LEDGER`. */
export interface LedgerRow {
  readonly may_use: boolean;
  readonly may_select: boolean;
  readonly may_insert: boolean;
}

/** Whether the ledger is there and can be written. Who else may write it is for `refuseUnsafeTarget` to say. */
export function ledgerFinding(
  row: LedgerRow | undefined,
  here: HereRow,
  { hasLedger }: TargetSettings,
): TargetFinding {
  if (!hasLedger)
    return {
      check: 'ledger',
      outcome: 'attention',
      detail: 'it has none (ledger: false): a crash at the wrong moment leaves an outcome unknown',
    };
  if (row === undefined)
    return { ...failed('ledger', 'keyturn.execution does not exist here'), isSetUpMissing: true };
  const { login } = here;
  const name = escapeIdentifier(login);
  const missing = [
    ...(row.may_use ? [] : [`grant usage on schema keyturn to ${name};`]),
    ...(row.may_select && row.may_insert ? [] : [`grant select, insert on keyturn.execution to ${name};`]),
  ];
  return missing.length === 0
    ? good('ledger', `keyturn.execution is there, and ${login} may write it`)
    : failed('ledger', `${login} may not write keyturn.execution`, forLogin(here, missing));
}
