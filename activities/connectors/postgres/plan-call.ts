import { setTimeout } from 'node:timers/promises';

import type { Client } from 'pg';

import type { Plan } from '../../../domain/request/plan.ts';
import { provenEffect, sharedEffect } from './comparison.ts';
import {
  begunWriting,
  dryRun,
  startOfRehearsal,
  type DryRun,
  type EffectSessions,
  type LookInside,
  type Rehearsed,
} from './rehearsal.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { TableEffect } from './images.ts';
import { notPreviewable } from './refusal.ts';
import { findReversal } from './reversal.ts';
import { sequenceValuesUsed } from './sequence-use.ts';
import { shownOf, statedOf, type Seen } from './plan-body.ts';
import { rehearsalOf, type Rehearsal } from './rehearsal-bounds.ts';
import { isBusy } from './sql-error.ts';
import { planUntried } from './plan-untried.ts';
import { withShares } from './table-share.ts';
import { untriedBecause } from './unpreviewed.ts';
import type { PreparedCall } from './prepared-call.ts';

const TRIES_MAX = 3;
const PAUSE_MS_MAX = 200;

/** Makes the plan of a statement that was read and analysed. `reader` is an idle session. */
export async function planCall(prepared: PreparedCall, reader: Client): Promise<Plan> {
  const because = untriedBecause(prepared);
  if (because !== null) return planUntried(prepared, reader, because);
  const rehearsal = await rehearsalOf(prepared, reader);
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const plan = await tryPlan(prepared, reader, rehearsal).catch((error: unknown) => {
      if (isBusy(error) && tries < TRIES_MAX) return null;
      throw error;
    });
    if (plan !== null) return plan;
    // At once, it would meet the same rivals again.
    await setTimeout(Math.random() * PAUSE_MS_MAX);
  }
  throw notPreviewable(
    'Its effect differs from run to run, or others keep changing the data. Write what differs as a value, or try again.',
  );
}

async function tryPlan(prepared: PreparedCall, reader: Client, rehearsal: Rehearsal): Promise<Plan | null> {
  let used: Client | undefined;
  const run = (own: Rehearsed): Promise<DryRun> =>
    prepared.kept.lend(
      prepared,
      (writer, [begun]) => {
        used = writer;
        return dryRun(prepared, { writer, reader, begun: begunWriting(writer, begun) }, own);
      },
      { use: 'statement', except: used, start: startOfRehearsal(prepared) },
    );
  let found: Found | null = null;
  const looking = (first: readonly TableEffect[] | null): LookInside => {
    return async (sessions, tables) => {
      found = await look(prepared, { sessions, first, tables });
    };
  };
  const { isRepeatable } = prepared.analysis;
  const first = await run(isRepeatable ? { ...rehearsal, lookInside: looking(null) } : rehearsal);
  // What changes nothing assigns nothing, so a second look shows nothing more.
  if (first.effects.length === 0 && first.sequences.positions.size === 0) {
    return planOf(prepared, { ...NOTHING, runs: [first] });
  }
  // In another session: what is the session's own must not look like a constant.
  const runs = isRepeatable
    ? [first]
    : [first, await run({ ...rehearsal, lookInside: looking(first.effects) })];
  return found === null ? null : planOf(prepared, { ...(found as Found), runs });
}

/** What all runs agree on. */
type Found = Omit<Seen, 'changed'>;

const NOTHING: Found = { effects: [], shown: [], reversal: null };

/** Looks at what was run while it can still be undone step by step; `first` is what an earlier run did, where there is one. */
async function look(
  prepared: PreparedCall,
  {
    sessions,
    first,
    tables,
  }: {
    readonly sessions: EffectSessions;
    readonly first: readonly TableEffect[] | null;
    readonly tables: readonly TableEffect[];
  },
): Promise<Found | null> {
  const { analysis } = prepared;
  const shared =
    first === null ? provenEffect(analysis, tables) : sharedEffect({ ...analysis, first, second: tables });
  if (shared === null) return null;
  const effects = await withShares(shared, { prepared, sessions, tables });
  if (effects.length === 0) return NOTHING;
  const shown = shownOf(prepared, effects);
  const reversal = await findReversal({ prepared, sessions, tables, effects: shown });
  return { effects, shown, reversal };
}

function planOf(
  prepared: PreparedCall,
  { effects, shown, reversal, runs }: Found & { readonly runs: readonly DryRun[] },
): Plan {
  const changed = runs.flatMap((run) => run.effects);
  const used = sequenceValuesUsed(runs.map(({ sequences }) => sequences));
  return {
    ...statedOf(prepared, { effects, shown, reversal, changed }),
    fingerprint: fingerprintOf(effects, {
      valueSettings: runs.at(-1)?.values ?? '',
      rewritten: prepared.analysis.rewritten,
    }),
    locks_held_ms: Math.max(...runs.map((run) => run.locksHeldMs)),
    ...(used === 0 ? {} : { sequence_values_used: used }),
  };
}
