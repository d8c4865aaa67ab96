import type { Client } from 'pg';

import type { Plan, ResourceEffect } from '../../../domain/plan.ts';
import { sharedEffect } from './comparison.ts';
import { COLUMNS } from './dependencies.sql.ts';
import { reversalOf, riskFactsOf, summaryOf } from './describe.ts';
import { dryRun, type DryRun } from './dry-run.ts';
import { catalogueRows } from './kept-sessions.ts';
import { fingerprintOf } from './projection.ts';
import { StatementRefused } from './refusal.ts';
import { begin } from './session.ts';
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
  if (first.effects.length === 0) return planOf(prepared, { effects: [], runs: [first] });
  const second = await dryRun(prepared, reader);
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
    summary: `${summaryOf(effects, analysis.tables).slice(0, -1)}; what its triggers do is not previewed.`,
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
