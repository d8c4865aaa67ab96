import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { Target } from '../../../domain/policy/policy.ts';
import { readPlanning, type TargetPlanning } from '../../../domain/policy/target-planning.ts';
import { functionName, readFunctionName } from './function-names.ts';

/** Limits of one connector. All have defaults; operators lower or raise them together for all targets. */
export interface PostgresLimits {
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  /** How long a whole transaction may take, where the server knows such a limit (PostgreSQL 17). */
  readonly transactionTimeoutMs: number;
  /** How long a transaction may stand idle, e.g. while the commit is being recorded elsewhere. */
  readonly idleTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** How long a probe waits for an orphaned backend before it answers `unknown`. */
  readonly probeTimeoutMs: number;
  /** Tables larger than this are not scanned for images: their effects are counts only. */
  readonly scannedBytesMax: number;
  /** A statement whose rows fill more than this is stopped: nobody reads them. */
  readonly resultBytesMax: number;
  /** How many rows and characters of images are read and compared, over all tables: beyond, an effect is counts only. */
  readonly readRowsMax: number;
  readonly readCharactersMax: number;
  /** How many characters of images a plan carries, over all tables: beyond, it carries some of the rows. */
  readonly imageCharactersMax: number;
}

export const DEFAULT_LIMITS: PostgresLimits = {
  statementTimeoutMs: 15_000,
  lockTimeoutMs: 2_000,
  transactionTimeoutMs: 45_000,
  idleTimeoutMs: 15_000,
  connectTimeoutMs: 5_000,
  probeTimeoutMs: 10_000,
  scannedBytesMax: 256 * 1024 * 1024,
  resultBytesMax: 16 * 1024 * 1024,
  readRowsMax: 50_000,
  readCharactersMax: 16 * 1024 * 1024,
  imageCharactersMax: 512 * 1024,
};

/** What a target's `connection` says. */
export interface TargetSettings {
  /** Reference (`env:`, `file:`) of the connection URL of the executor's login role. */
  readonly url: string;
  /** The role that statements run as. */
  readonly statementRole: string;
  /** The role that reads images; the statement role itself when absent. */
  readonly observerRole: string | null;
  /** As `functionName` calls them, like those made at execution. */
  readonly allowedFunctions: ReadonlySet<string>;
  /** Functions whose value may be all that a plain column gets, and is then left to the execution. */
  readonly madeAtExecution: ReadonlySet<string>;
  readonly hasLedger: boolean;
  readonly rowLimit: number;
  readonly searchPath: readonly string[];
  readonly planning: TargetPlanning;
}

/** The limits while something is planned: nobody has agreed yet, so production must hardly notice. */
export function planningLimits(limits: PostgresLimits, planning: TargetPlanning): PostgresLimits {
  const statementTimeoutMs = Math.min(limits.statementTimeoutMs, planning.statementTimeoutMs);
  return {
    ...limits,
    statementTimeoutMs,
    lockTimeoutMs: Math.min(limits.lockTimeoutMs, planning.lockTimeoutMs),
    transactionTimeoutMs: statementTimeoutMs * 3,
    idleTimeoutMs: Math.min(limits.idleTimeoutMs, statementTimeoutMs),
    // Kept sessions serve executions as well: as a client, they wait as long as those may take.
    probeTimeoutMs: Math.max(limits.probeTimeoutMs, limits.statementTimeoutMs),
  };
}

const ROW_LIMIT_DEFAULT = 1_000;
const ROW_LIMIT_MAX = 10_000;

/** Reads a target's connection. Throws `policy_invalid` when it is not one of PostgreSQL. */
export function readTargetSettings(target: Target): TargetSettings {
  const { connection } = target;
  const made = functionsOf(target, 'made_at_execution');
  const ledger = connection['ledger'] ?? true;
  const rowLimit = connection['row_limit'] ?? ROW_LIMIT_DEFAULT;
  if (typeof ledger !== 'boolean') throw invalid(target, 'ledger must be true or false');
  if (typeof rowLimit !== 'number' || !Number.isInteger(rowLimit) || rowLimit < 0 || rowLimit > ROW_LIMIT_MAX)
    throw invalid(target, `row_limit must be a whole number from 0 to ${ROW_LIMIT_MAX}`);
  const planning = readPlanning(connection['planning']);
  if (typeof planning === 'string') throw invalid(target, planning);
  return {
    url: textOf(target, 'url'),
    statementRole: textOf(target, 'statement_role'),
    observerRole: connection['observer_role'] === undefined ? null : textOf(target, 'observer_role'),
    allowedFunctions: new Set([...functionsOf(target, 'allowed_functions'), ...made]),
    madeAtExecution: new Set(made),
    hasLedger: ledger,
    rowLimit,
    searchPath: namesOf(target, 'search_path', ['public']),
    planning,
  };
}

function textOf(target: Target, name: string): string {
  const value = target.connection[name];
  if (typeof value === 'string' && value !== '') return value;
  throw invalid(target, `${name} must be text`);
}

function namesOf(target: Target, name: string, absent: readonly string[]): readonly string[] {
  const value: JsonValue = target.connection[name] ?? absent;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string'))
    return value as readonly string[];
  throw invalid(target, `${name} must be a list of names`);
}

function functionsOf(target: Target, name: string): readonly string[] {
  return namesOf(target, name, []).map((entry) => {
    const named = readFunctionName(entry);
    if (named !== null) return functionName(named.schema, named.name);
    throw invalid(
      target,
      `${name} must name functions with their schema (pg_catalog.random), both in double quotes where one holds a dot`,
    );
  });
}

function invalid(target: Target, reason: string): KeyturnError {
  return new KeyturnError('policy_invalid', `The connection of target ${target.id} is not valid: ${reason}.`);
}
