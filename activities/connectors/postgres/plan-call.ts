import type { Client } from 'pg';

import type { Plan, ResourceEffect, Reversal } from '../../../domain/plan.ts';
import { sharedEffect, type TwoRuns } from './comparison.ts';
import { COLUMNS } from './dependencies.sql.ts';
import { riskFactsOf, summaryOf } from './describe.ts';
import { dryRun, type DryRun, type EffectPlace } from './dry-run.ts';
import type { TableEffect } from './effect.ts';
import { catalogueRows } from './kept-sessions.ts';
import { fingerprintOf } from './projection.ts';
import { StatementRefused } from './refusal.ts';
import { findReversal, NOTHING_TO_UNDO } from './reversal.ts';
import { begin } from './session.ts';
import { shownEffects } from './shown.ts';
import { isTransient } from './sql-error.ts';
import { countUnpreviewed, unpreviewedFingerprint, type UnpreviewedCall } from './unpreviewed.ts';
import { warningsOf } from './warnings.ts';

const TRIES_MAX = 3;

/** Makes the plan of a statement that was read and analysed. `reader` is an idle session. */
export async function planCall(prepared: UnpreviewedCall, reader: Client): Promise<Plan> {
  if (prepared.analysis.unknownTriggers.length > 0) return planUnpreviewed(prepared, reader);
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const plan = await tryPlan(prepared, reader).catch((error: unknown) => {
      if (isTransient(error) && tries < TRIES_MAX) return null;
      throw error;
    });
    if (plan !== null) return plan;
  }
  throw new StatementRefused(
    'not_previewable',
    'Its effect is another one every time, or the data changes all the time.',
  );
}

async function tryPlan(prepared: UnpreviewedCall, reader: Client): Promise<Plan | null> {
  const first = await dryRun(prepared, reader);
  // What changes nothing assigns nothing, so a second look shows nothing more.
  if (first.effects.length === 0) {
    const nothing = { effects: [], shown: [], reversal: NOTHING_TO_UNDO };
    return planOf(prepared, { ...nothing, runs: [first] });
  }
  let found: Found | null = null;
  const second = await dryRun(prepared, reader, async (place, tables) => {
    found = await compare(prepared, { place, first: first.effects, second: tables });
  });
  return found === null ? null : planOf(prepared, { ...(found as Found), runs: [first, second] });
}

/** What both runs agree on. */
interface Found {
  readonly effects: readonly ResourceEffect[];
  readonly shown: readonly ResourceEffect[];
  readonly reversal: Reversal;
}

/** Looks at both runs while the second can still be undone step by step. */
async function compare(
  prepared: UnpreviewedCall,
  runs: { readonly place: EffectPlace } & Pick<TwoRuns, 'first' | 'second'>,
): Promise<Found | null> {
  const { reader } = runs.place;
  await begin(reader, { isolation: 'repeatable read' }, prepared);
  const { tables, callsOwnerFunctions } = prepared.analysis;
  const serverColumns = await readServerColumns(reader, runs.first);
  const effects = sharedEffect({ ...runs, tables, callsOwnerFunctions, serverColumns });
  await reader.query('rollback');
  if (effects === null) return null;
  const size = { rowsMax: prepared.settings.rowLimit, charactersMax: prepared.limits.imageCharactersMax };
  const shown = shownEffects(effects, prepared.analysis, size);
  const reversal = await findReversal({ prepared, place: runs.place, tables: runs.second, effects: shown });
  return { effects, shown, reversal };
}

async function readServerColumns(
  client: Client,
  effects: readonly TableEffect[],
): Promise<ReadonlySet<string>> {
  const oids = effects.map(({ oid }) => oid);
  const rows = await catalogueRows<{ oid: string; name: string; is_always: boolean }>(client, COLUMNS, [
    oids,
  ]);
  return new Set(rows.filter((row) => row.is_always).map(({ oid, name }) => `${oid}.${name}`));
}

function planOf(
  prepared: UnpreviewedCall,
  { effects, shown, reversal, runs }: Found & { readonly runs: readonly DryRun[] },
): Plan {
  const { statement } = prepared;
  return {
    connector: 'postgres.execute',
    summary: effects.length === 0 && statement.isRead ? READS : summaryOf(shown),
    operation: statement.text,
    effects: shown,
    warnings: warningsOf(
      statement,
      runs.flatMap((run) => run.effects),
    ),
    risk_facts: riskFactsOf(shown, reversal),
    reversal,
    fingerprint: fingerprintOf(effects),
    locks_held_ms: Math.max(...runs.map((run) => run.locksHeldMs)),
  };
}

const READS = 'Reads only: changes nothing, and returns no rows.';

async function planUnpreviewed(prepared: UnpreviewedCall, reader: Client): Promise<Plan> {
  const { statement, analysis } = prepared;
  await begin(reader, { isolation: 'repeatable read' }, prepared);
  const effects = await countUnpreviewed(prepared, reader);
  await reader.query('rollback');
  const names = analysis.unknownTriggers.map(({ name }) => name).join(', ');
  const reversal = {
    is_possible: false,
    how: `What ${names} does is not known, so neither is how to undo it.`,
  };
  return {
    connector: 'postgres.execute',
    summary: `${summaryOf(effects).slice(0, -1)}; what its triggers do is not previewed.`,
    operation: statement.text,
    effects,
    warnings: [
      `Not previewed: a trigger calls ${names}, which is not on the target's list of functions. It was not run, and ` +
        'what it does is not known. The counts are of rows that the statement itself changes.',
      ...warningsOf(statement, []),
    ],
    risk_facts: { ...riskFactsOf(effects, reversal), is_destructive: true, is_fully_previewed: false },
    reversal,
    fingerprint: unpreviewedFingerprint(prepared, effects),
    locks_held_ms: 0,
  };
}
