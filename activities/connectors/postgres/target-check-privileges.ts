import { escapeIdentifier } from 'pg';

import { functionName } from './function-names.ts';
import type { RoleRow } from './target-check-roles.ts';
import type { TargetSettings } from './settings.ts';
import { attention, failed, found, good, orGood, type TargetFinding } from './target-finding.ts';

/** A schema of the path: an answer to `SCHEMAS`. */
export interface SchemaRow {
  readonly name: string;
  readonly is_open_to_statement: boolean;
  readonly is_open_to_observer: boolean;
}

/** A table or sequence, by its bare names: an answer to `SEQUENCES`. */
export interface RelationRow {
  readonly schema: string;
  readonly name: string;
}

/** A table of the path's schemas: an answer to `TABLES`. */
export interface TableRow extends RelationRow {
  readonly has_row_security: boolean;
  readonly is_written: boolean;
  readonly is_searched: boolean;
  readonly is_read: boolean;
  readonly is_observed: boolean;
}

/** What the catalogue says of rights. */
export interface Privileges {
  readonly schemas: readonly SchemaRow[];
  readonly tables: readonly TableRow[];
  readonly sequences: readonly RelationRow[];
  readonly missingFunctions: readonly { readonly name: string }[];
  readonly triggerFunctions: readonly RelationRow[];
  readonly roles: readonly RoleRow[];
}

const NAMES_MAX = 20;

/** Whether statements may do anything here, and whether all that they do can be seen. */
export function privilegeFindings(rights: Privileges, settings: TargetSettings): readonly TargetFinding[] {
  return [
    ...schemas(rights, settings),
    ...statementRights(rights, settings),
    ...observerRights(rights, settings),
    ...functions(rights),
    ...unlistedTriggers(rights, settings),
  ];
}

function schemas({ schemas: rows }: Privileges, settings: TargetSettings): readonly TargetFinding[] {
  const { searchPath, statementRole, observerRole } = settings;
  const there = new Set(rows.map(({ name }) => name));
  const missing = searchPath.filter((name) => name !== '$user' && !there.has(name));
  const usage = (
    role: string,
    open: 'is_open_to_statement' | 'is_open_to_observer',
  ): TargetFinding | false => {
    const closed = rows.filter((row) => !row[open]);
    const names = closed.map(({ name }) => escapeIdentifier(name)).join(', ');
    const run = [`grant usage on schema ${names} to ${escapeIdentifier(role)};`];
    return closed.length > 0 && failed('schemas', `${role} may not use ${namesOf(closed)}`, run);
  };
  const findings = [
    ...missing.map((name) => failed('schemas', `schema ${name} of search_path does not exist`)),
    usage(statementRole, 'is_open_to_statement'),
    observerRole !== null && usage(observerRole, 'is_open_to_observer'),
  ];
  return orGood(findings, 'schemas', searchPath.join(', '));
}

function statementRights(
  { tables }: Privileges,
  { statementRole }: TargetSettings,
): readonly TargetFinding[] {
  const written = tables.filter((table) => table.is_written);
  const role = escapeIdentifier(statementRole);
  if (written.length === 0) {
    const example = tables[0] ? listOf([tables[0]]) : 'SCHEMA.TABLE';
    return [
      attention(
        'statement role',
        `${statementRole} may change none of ${tables.length} tables: grant it what agents may do, table by table, for example`,
        [`grant select, update on ${example} to ${role}; -- an example`],
      ),
    ];
  }
  const blind = written.filter((table) => table.is_searched && !table.is_read);
  return found([
    good(
      'statement role',
      `${statementRole} may change ${written.length} of ${tables.length} tables: ${namesOf(written)}`,
    ),
    blind.length > 0 &&
      attention(
        'statement role',
        `${statementRole} may change ${namesOf(blind)} but read none of it, so statements with WHERE are refused`,
        [`grant select on ${listOf(blind)} to ${role};`],
      ),
  ]);
}

function observerRights(
  { tables, sequences, roles }: Privileges,
  settings: TargetSettings,
): readonly TargetFinding[] {
  const { statementRole, observerRole } = settings;
  if (observerRole === null)
    return [
      attention(
        'observer',
        `there is none: reviewers see the rows that ${statementRole} may read, and nothing that triggers do in other tables`,
      ),
    ];
  const role = escapeIdentifier(observerRole);
  const unseen = tables.filter((table) => !table.is_observed);
  const seesAllRows = roles.some(({ name, sees_all_rows }) => name === observerRole && sees_all_rows);
  const filtered = seesAllRows ? [] : tables.filter((table) => table.has_row_security);
  const findings = [
    unseen.length > 0 &&
      attention(
        'observer',
        `${observerRole} may not read ${namesOf(unseen)}: reviewers see only counts of changes there`,
        [`grant select on ${listOf(unseen)} to ${role};`],
      ),
    sequences.length > 0 &&
      attention('observer', `${observerRole} may not read ${namesOf(sequences)}, which then count as new`, [
        `grant select on sequence ${listOf(sequences)} to ${role};`,
      ]),
    filtered.length > 0 &&
      attention(
        'observer',
        `row security hides rows of ${namesOf(filtered)} from ${observerRole}: reviewers see only counts of changes there`,
        [`alter role ${role} bypassrls; -- as a superuser`],
      ),
  ];
  return orGood(findings, 'observer', `${observerRole} may read all ${tables.length} tables`);
}

function functions({ missingFunctions }: Privileges): readonly TargetFinding[] {
  return missingFunctions.map(({ name }) =>
    attention(
      'functions',
      `${name}, which allowed_functions or made_at_execution names, does not exist here`,
    ),
  );
}

/** Statements that set them off cannot be tried out. */
function unlistedTriggers(
  { triggerFunctions }: Privileges,
  { allowedFunctions, statementRole }: TargetSettings,
): readonly TargetFinding[] {
  const unlisted = triggerFunctions
    .map(({ schema, name }) => functionName(schema, name))
    .filter((name) => !allowedFunctions.has(name));
  if (unlisted.length === 0) return [];
  const entries = unlisted.map((name) => (name.startsWith('"') ? `'${name.replaceAll("'", "''")}'` : name));
  return [
    attention(
      'functions',
      `triggers on tables that ${statementRole} may change call functions that allowed_functions lacks, so statements that set them off are not tried out: rows are counted at most, and policy may want more people. Read them and list them: ${entries.join(', ')}`,
    ),
  ];
}

/** As SQL. */
function listOf(rows: readonly RelationRow[]): string {
  return rows.map(({ schema, name }) => `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`).join(', ');
}

/** As people read it. */
function namesOf(rows: readonly (Omit<RelationRow, 'schema'> & Partial<RelationRow>)[]): string {
  const more = rows.length > NAMES_MAX ? ` and ${rows.length - NAMES_MAX} more` : '';
  const names = rows.slice(0, NAMES_MAX).map(({ schema, name }) => (schema ? `${schema}.${name}` : name));
  return `${names.join(', ')}${more}`;
}
