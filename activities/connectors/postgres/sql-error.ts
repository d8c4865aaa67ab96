import { DatabaseError } from 'pg';

import { SQL_CLASSES, SQL_STATES } from '../../../domain/request/sql-error-codes.ts';
import { CONDITIONS } from './sql-conditions.ts';

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

/** What reviewers and operators are told, with the hint of the server. May hold data of the target; never credentials. */
function detailOf({ code, message, hint }: DatabaseError & { readonly code: string }): string {
  const name = CONDITIONS[code] ?? classOf({ code });
  const said = hint === undefined ? message : `${message} (${hint})`;
  return `${code} ${name}: ${said}`.slice(0, DETAIL_CHARACTERS_MAX).toWellFormed();
}

/** A failure of the server's own, as reviewers and operators are told, and as the log is: there, no word of the server. */
export function failureOf(error: DatabaseError & { readonly code: string }): {
  readonly detail: string;
  readonly sqlState: string;
  readonly cause: string;
} {
  const { code } = error;
  return { detail: detailOf(error), sqlState: code, cause: CONDITIONS[code] ?? classOf(error) };
}
