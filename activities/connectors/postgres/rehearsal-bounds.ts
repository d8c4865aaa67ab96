import type { Client } from 'pg';

import type { Analysis } from './analysis.ts';
import { assignsDefaults, boundRows, limitless } from './bounded-statement.ts';
import { observerOf } from './effect.ts';
import type { TableEffect } from './images.ts';
import { StatementRefused } from './refusal.ts';
import { answersTo, question } from './questions.ts';
import { SEQUENCES, type Sequence } from './sequences.sql.ts';
import { beginningIn, takingRole } from './session.ts';
import type { Statement } from './statement.ts';
import type { PreparedCall } from './prepared-call.ts';

/** What one rehearsal runs, and how much it may change. */
export interface Rehearsal {
  readonly statement: Statement;
  /** More rows than these are refused. */
  readonly rowsMax: number;
  /** So many rows ask for values of sequences by the text, whether they are inserted or meet a conflict. */
  readonly listed: number;
}

/** One in this many of a sequence's remaining values may be used up by a rehearsal. */
const SHARE = 100;

/** A statement whose rows cannot be limited uses up fewer values than this before its time is over. */
const UNBOUNDED_LEFT_MIN = 100_000_000;

/**
 * Decides what is run to make a plan. Values of a sequence do not come back with a rollback, so a statement may not use
 * up what others need: where it can be limited, it is, and where it cannot, the sequence must have plenty. Sequences
 * that only triggers use are not seen here.
 */
export async function rehearsalOf(prepared: PreparedCall, reader: Client): Promise<Rehearsal> {
  const { statement, settings, parser, analysis } = prepared;
  const { rowsMax, sequenceValuesMax } = settings.planning;
  const areDefaultsSet = analysis.tables.some(({ isSetToDefaults }) => isSetToDefaults);
  if (!areDefaultsSet && !takesDefaults(prepared)) return { statement, rowsMax, listed: 0 };
  const sequences = await sequencesOf(prepared, reader);
  const [scarcest] = [...sequences].sort((one, other) => one.left - other.left);
  const mayTake =
    scarcest === undefined ? rowsMax : Math.min(sequenceValuesMax, Math.floor(scarcest.left / SHARE));
  const most = Math.min(rowsMax, mayTake);
  const limited = await boundRows(statement, most, parser);
  // A list of values says how many rows it proposes, whether they are left out or not.
  const bounded = maySkipRows(analysis) && limited.listed === 0 ? limitless(statement) : limited;
  // Of one row more than is allowed, the count says that it was too many.
  const isBounded = bounded.rowsMax !== null && bounded.rowsMax <= most + 1;
  // To how many rows cascades give defaults, no text says.
  if (scarcest !== undefined) refuseScarce(scarcest, { isBounded: isBounded && !areDefaultsSet, mayTake });
  return {
    statement: { ...statement, text: bounded.text },
    rowsMax: isBounded ? most : rowsMax,
    listed: bounded.listed,
  };
}

function takesDefaults({ statement, analysis }: PreparedCall): boolean {
  return assignsDefaults(statement) || analysis.tables.some((table) => table.takesDefaults);
}

/** True when fewer rows may be inserted than the statement proposes: then no count shows that a limit was reached. */
function maySkipRows({ tables, rewritten }: Analysis): boolean {
  return rewritten.some(({ by }) => by !== 'view') || tables.some((table) => table.maySkipRows);
}

function refuseScarce(
  { name, left }: Sequence,
  { isBounded, mayTake }: { readonly isBounded: boolean; readonly mayTake: number },
): void {
  if (!isBounded && left < UNBOUNDED_LEFT_MIN) {
    throw beyond(
      `Trying it out could use up the sequence ${name}, which has ${left} values left: ` +
        'write it as INSERT … VALUES or INSERT … SELECT into one table, and change first what a foreign key would SET DEFAULT',
    );
  }
  if (mayTake < 1)
    throw beyond(`The sequence ${name} has only ${left} values left, and a rehearsal would use some up`);
}

/** Read as the observer: the login role may see little by itself. */
async function sequencesOf(prepared: PreparedCall, reader: Client): Promise<readonly Sequence[]> {
  const { settings, analysis } = prepared;
  const named = analysis.tables.filter(({ isNamed, isSetToDefaults }) => isNamed || isSetToDefaults);
  // A view may have defaults of its own.
  const oids = [...named, ...analysis.rewritten].map(({ oid }) => oid);
  const start = [
    ...beginningIn(reader, { isolation: 'read committed' }, prepared),
    takingRole(observerOf(settings)),
  ];
  const positions = { ...question<Sequence>(SEQUENCES, [oids]), after: start };
  const [sequences] = await answersTo(reader, [positions], ['rollback']);
  return sequences;
}

/** Refuses what turned out to change more than a rehearsal may. */
export function refuseTooMany(rows: number, rowsMax: number): void {
  if (rows > rowsMax) throw beyond(`It would change more than ${rowsMax.toLocaleString('en-US')} rows`);
}

/** All rows that were changed, by cascades and triggers too. */
export function rowsOfEffects(effects: readonly TableEffect[]): number {
  return effects.reduce((sum, { inserted, updated, deleted }) => sum + inserted + updated + deleted, 0);
}

function beyond(what: string): StatementRefused {
  const advice = 'Plan it in parts, or let the target only count rows (planning.rehearse: count)';
  return new StatementRefused('planning_limit', `${what}. ${advice}.`);
}
