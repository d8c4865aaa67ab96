import { escapeIdentifier } from 'pg';

import type { HereRow } from './target-check-server.ts';
import type { TargetSettings } from './settings.ts';
import { failed, good, orGood, type TargetFinding } from './target-finding.ts';

/** A role that a target names: an answer to `roles`. */
export interface RoleRow {
  readonly name: string;
  readonly is_there: boolean;
  readonly is_super: boolean;
  readonly sees_all_rows: boolean;
  readonly may_be_taken: boolean;
  readonly may_take_login: boolean;
  readonly may_connect: boolean;
  readonly may_make_temporary: boolean;
}

/** The names of the roles of a target, the login role first. */
export function namesOf(settings: TargetSettings, { login }: Pick<HereRow, 'login'>): readonly string[] {
  const { statementRole, observerRole } = settings;
  return [...new Set([login, statementRole, observerRole ?? statementRole])];
}

/** Whether the roles are there, may be taken, and are no more than they should be. */
export function roleFindings(rows: readonly RoleRow[], here: HereRow): readonly TargetFinding[] {
  const findings = rows.flatMap((row) => findingsOf(row, here));
  return orGood(findings, 'roles', `${rows.map(({ name }) => name).join(', ')} are as they should be`);
}

function findingsOf(row: RoleRow, { login, database }: HereRow): readonly TargetFinding[] {
  const { name } = row;
  const [role, own, here] = [name, login, database].map((one) => escapeIdentifier(one));
  if (!row.is_there) {
    const finding = failed(
      'roles',
      `the role ${name} does not exist: misspelt in the target's file, or not set up`,
    );
    return [{ ...finding, isSetUpMissing: true }];
  }
  return [
    ...(row.is_super
      ? [failed('roles', `${name} is a superuser, whom nothing limits`, [`alter role ${role} nosuperuser;`])]
      : []),
    // First: no two roles can be members of each other.
    ...(row.may_take_login
      ? [
          failed('roles', `${name} may become ${login}, which writes the ledger`, [
            `revoke ${own} from ${role};`,
          ]),
        ]
      : []),
    ...(row.may_be_taken || name === login
      ? []
      : [failed('roles', `${login} may not become ${name}`, [`grant ${role} to ${own};`])]),
    ...(row.may_connect && row.may_make_temporary
      ? []
      : [
          failed('roles', `${name} lacks CONNECT or TEMPORARY on the database`, [
            `grant connect, temporary on database ${here} to ${role};`,
          ]),
        ]),
  ];
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
  { login }: HereRow,
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
  const name = escapeIdentifier(login);
  const missing = [
    ...(row.may_use ? [] : [`grant usage on schema keyturn to ${name};`]),
    ...(row.may_select && row.may_insert ? [] : [`grant select, insert on keyturn.execution to ${name};`]),
  ];
  return missing.length === 0
    ? good('ledger', `keyturn.execution is there, and ${login} may write it`)
    : failed('ledger', `${login} may not write keyturn.execution`, missing);
}
