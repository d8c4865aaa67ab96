import { DatabaseError } from 'pg';

import { SQL_CLASSES, SQL_STATES } from '../../../domain/request/sql-error-codes.ts';

/**
 * What the server's manual calls the states that targets answer with most. A name says no more than its state does, so it may
 * be logged where the message, which quotes values, may not.
 */
export const CONDITIONS: Readonly<Record<string, string>> = Object.fromEntries(
  [
    '08P01 protocol_violation, 22001 string_data_right_truncation, 22003 numeric_value_out_of_range',
    '22007 invalid_datetime_format, 22008 datetime_field_overflow, 22012 division_by_zero',
    '22023 invalid_parameter_value, 22P02 invalid_text_representation, 23502 not_null_violation',
    '23503 foreign_key_violation, 23505 unique_violation, 23514 check_violation',
    '23P01 exclusion_violation, 25006 read_only_sql_transaction',
    '25P03 idle_in_transaction_session_timeout, 25P04 transaction_timeout',
    '28000 invalid_authorization_specification, 28P01 invalid_password, 3D000 invalid_catalog_name',
    '3F000 invalid_schema_name, 40001 serialization_failure, 40P01 deadlock_detected',
    '42501 insufficient_privilege, 42601 syntax_error, 42702 ambiguous_column, 42703 undefined_column',
    '42704 undefined_object, 42804 datatype_mismatch, 42883 undefined_function, 42P01 undefined_table',
    '42P10 invalid_column_reference, 53100 disk_full, 53200 out_of_memory, 53300 too_many_connections',
    '54000 program_limit_exceeded, 55000 object_not_in_prerequisite_state, 55P03 lock_not_available',
    '57014 query_canceled, 57P01 admin_shutdown, 57P02 crash_shutdown, 57P03 cannot_connect_now',
    'P0001 raise_exception',
  ].flatMap((line) => line.split(', ').map((entry) => entry.split(' '))),
);

/** States in which only the moment was bad: nothing happened and another try may succeed. */
const TRANSIENT: ReadonlySet<string> = new Set(['40001', '40P01']);

/** An error that the server itself reported, with its SQLSTATE. */
export function isSqlError(error: unknown): error is DatabaseError & { readonly code: string } {
  return error instanceof DatabaseError && typeof error.code === 'string';
}

/** States that end the session. Severities may come translated, so their English names alone would not do. */
const ENDING = /^(08|28|3D|57P|25P0[34]|53300)/;

/** True when the session lived on after the error. FATAL and PANIC end it in the middle of something. */
export function isSurvivedError(error: unknown): error is DatabaseError & { readonly code: string } {
  return (
    isSqlError(error) && !ENDING.test(error.code) && error.severity !== 'FATAL' && error.severity !== 'PANIC'
  );
}

/** True for serialisation failures and deadlocks. */
export function isTransient(error: unknown): boolean {
  return isSurvivedError(error) && TRANSIENT.has(error.code);
}

/** True where others hold locks or change the same rows: at another moment it may go through. */
export function isBusy(error: unknown): boolean {
  return isTransient(error) || (isSurvivedError(error) && error.code === '55P03');
}

/** True when a statement took longer than it may. */
export function isTooSlow(error: unknown): boolean {
  return isSqlError(error) && (error.code === '57014' || error.code === '25P04');
}

/** The class of an error, without data of the target. */
export function classOf(error: { readonly code: string }): string {
  return SQL_STATES[error.code] ?? SQL_CLASSES[error.code.slice(0, 2)] ?? 'target_error';
}

const DETAIL_CHARACTERS_MAX = 500;

/**
 * A failure of the server's own: `detail` for reviewers and operators, with the hint of the server, may hold data of the target,
 * never credentials; `cause` for the log quotes nothing of the server.
 */
export function failureOf(error: DatabaseError & { readonly code: string }): {
  readonly detail: string;
  readonly sqlState: string;
  readonly cause: string;
} {
  const { code, message, hint } = error;
  const cause = CONDITIONS[code] ?? classOf(error);
  const said = hint === undefined ? message : `${message} (${hint})`;
  const detail = `${code} ${cause}: ${said}`.slice(0, DETAIL_CHARACTERS_MAX).toWellFormed();
  return { detail, sqlState: code, cause };
}
