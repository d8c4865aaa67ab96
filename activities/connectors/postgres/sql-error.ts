import { DatabaseError } from 'pg';

/** Names of SQLSTATE classes: all that leaves the connector as a code. */
const CLASSES: Readonly<Record<string, string>> = {
  '08': 'connection_exception',
  '21': 'cardinality_violation',
  '22': 'data_exception',
  '23': 'integrity_constraint_violation',
  '25': 'invalid_transaction_state',
  '28': 'invalid_authorization',
  '38': 'external_routine_exception',
  '40': 'transaction_rollback',
  '42': 'access_rule_violation_or_syntax_error',
  '44': 'check_option_violation',
  '53': 'insufficient_resources',
  '54': 'program_limit_exceeded',
  '55': 'object_not_in_prerequisite_state',
  '57': 'operator_intervention',
  '58': 'system_error',
  P0: 'raised_by_procedure',
  XX: 'internal_error',
};

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
  if (error.code === '57014') return 'statement_timeout';
  if (error.code === '55P03') return 'lock_timeout';
  if (TRANSIENT.has(error.code)) return 'concurrent_change';
  return CLASSES[error.code.slice(0, 2)] ?? 'target_error';
}

const DETAIL_CHARACTERS_MAX = 500;

/** What reviewers and operators are told. May hold data of the target; never credentials. */
export function detailOf(error: DatabaseError & { readonly code: string }): string {
  return `${error.code} ${classOf(error)}: ${error.message}`.slice(0, DETAIL_CHARACTERS_MAX).toWellFormed();
}
