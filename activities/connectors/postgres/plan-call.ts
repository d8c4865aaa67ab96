import { setTimeout } from 'node:timers/promises';

import type { Client } from 'pg';

import type { Plan, ResourceEffect } from '../../../domain/plan.ts';
import { sharedEffect } from './comparison.ts';
import { COLUMNS } from './dependencies.sql.ts';
import { reversalOf, riskFactsOf, summaryOf } from './describe.ts';
import { dryRun, type DryRun } from './dry-run.ts';
import { catalogueRows } from './kept-sessions.ts';
import { fingerprintOf } from './projection.ts';
import { StatementRefused } from './refusal.ts';
import { rehearsalOf, type Rehearsal } from './rehearsal.ts';
import { isBusy } from './sql-error.ts';
import { planUntried } from './plan-untried.ts';
import { untriedBecause, type UnpreviewedCall } from './unpreviewed.ts';
import { warningsOf } from './warnings.ts';

const TRIES_MAX = 3;
const PAUSE_MS_MAX = 200;

/** Makes the plan of a statement that was read and analysed. `reader` is an idle session. */
export async function planCall(prepared: UnpreviewedCall, reader: Client): Promise<Plan> {
  const because = untriedBecause(prepared);
  if (because !== null) return planUntried(prepared, reader, because);
  const rehearsal = await rehearsalOf(prepared, reader);
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const plan = await tryPlan(prepared, reader, rehearsal).catch((error: unknown) => {
      if (isBusy(error) && tries < TRIES_MAX) return null;
      throw error;
    });
    if (plan !== null) return plan;
    // Who tries again at once meets the same rivals again.
    await setTimeout(Math.random() * PAUSE_MS_MAX);
  }
  throw new StatementRefused(
    'not_previewable',
    'Its effect is another one every time, or the data changes all the time.',
  );
}

async function tryPlan(
  prepared: UnpreviewedCall,
  reader: Client,
  rehearsal: Rehearsal,
): Promise<Plan | null> {
  const first = await dryRun(prepared, reader, rehearsal);
  // What changes nothing assigns nothing, so a second look shows nothing more.
  if (first.effects.length === 0) return planOf(prepared, { effects: [], runs: [first] });
  const second = await dryRun(prepared, reader, rehearsal);
  const { tables, callsOwnerFunctions } = prepared.analysis;
  const serverColumns = await readServerColumns(reader, first);
  const runs = { first: first.effects, second: second.effects, tables, callsOwnerFunctions, serverColumns };
  const effects = sharedEffect(runs);
  return effects === null ? null : planOf(prepared, { effects, runs: [first, second] });
}

async function readServerColumns(client: Client, run: DryRun): Promise<ReadonlySet<string>> {
  const oids = run.effects.map(({ oid }) => oid);
  const rows = await catalogueRows<{ oid: string; name: string; is_always: boolean }>(client, COLUMNS, [
    oids,
  ]);
  return new Set(rows.filter((row) => row.is_always).map(({ oid, name }) => `${oid}.${name}`));
}

function planOf(
  prepared: UnpreviewedCall,
  { effects, runs }: { readonly effects: readonly ResourceEffect[]; readonly runs: readonly DryRun[] },
): Plan {
  const { statement, analysis } = prepared;
  const reversal = reversalOf(effects, analysis.tables);
  return {
    connector: 'postgres.execute',
    summary: effects.length === 0 && statement.isRead ? READS : summaryOf(effects, analysis.tables),
    operation: statement.text,
    effects,
    warnings: warningsOf(
      statement,
      runs.flatMap((run) => run.effects),
    ),
    risk_facts: riskFactsOf(effects, reversal),
    reversal,
    fingerprint: fingerprintOf(effects),
    locks_held_ms: Math.max(...runs.map((run) => run.locksHeldMs)),
    ...sequenceValuesUsed(runs),
  };
}

/** One a new row and rehearsal: a sequence that is behind the table gave it away for good. */
function sequenceValuesUsed(runs: readonly DryRun[]): Pick<Plan, 'sequence_values_used'> {
  const used = runs.reduce((sum, run) => sum + run.sequenceValuesUsed, 0);
  return used === 0 ? {} : { sequence_values_used: used };
}

const READS = 'Reads only: changes nothing, and returns no rows.';
