import type { Client } from 'pg';

import type { Plan, ResourceEffect } from '../../../domain/request/plan.ts';
import { riskFactsOf, summaryOf } from './describe.ts';
import { begunWriting, startOfRehearsal } from './rehearsal.ts';
import { begin } from './session.ts';
import { shownEffects, sizeOf } from './shown.ts';
import { CONNECTOR, type PostgresStated } from './plan-body.ts';
import { countUnpreviewed, unpreviewedFingerprint, type Untried } from './unpreviewed.ts';
import { rewritingOf, shortList, unseenEffects, warningsOf } from './warnings.ts';
import type { PreparedCall } from './prepared-call.ts';

/** What policy gets where nobody knows how many rows change: more than any rule lets pass. */
const ROWS_UNKNOWN = Number.MAX_SAFE_INTEGER;

/** The plan of a statement that is not tried out: its rows are counted at most. */
export async function planUntried(prepared: PreparedCall, reader: Client, because: Untried): Promise<Plan> {
  await begin(reader, { isolation: 'repeatable read' }, prepared);
  const met = await countUnpreviewed(prepared, reader);
  await reader.query('rollback');
  return {
    ...statedUntried(prepared, met.effects, because),
    fingerprint: unpreviewedFingerprint(prepared, met, await valueSettingsOf(prepared)),
    locks_held_ms: 0,
  };
}

/** What a plan states of a statement that is not tried out, whether it is made or held against what is met. */
export function statedUntried(
  prepared: PreparedCall,
  met: readonly ResourceEffect[],
  because: Untried,
): PostgresStated {
  const { statement, analysis } = prepared;
  const effects = shownEffects(met, analysis, sizeOf(prepared));
  const words = wordsOf(prepared, effects)[because];
  const reversal = { is_possible: false, how: words.reversal };
  return {
    connector: CONNECTOR,
    operation: statement.text,
    summary: words.summary,
    effects,
    warnings: [
      words.warning,
      ...rewritingOf(analysis.rewritten),
      ...(analysis.reachesVolatileFunctions ? [ACTING_UNSEEN] : []),
      ...unseenEffects(analysis),
      ...warningsOf(statement, []),
    ],
    risk_facts: {
      ...riskFactsOf(effects, reversal),
      ...(because === 'none' || analysis.reachesVolatileFunctions
        ? { rows_changed: ROWS_UNKNOWN, resources_changed: analysis.tables.length }
        : {}),
      is_destructive: true,
      is_fully_previewed: false,
    },
    reversal,
  };
}

const ACTING_UNSEEN =
  'Functions of the target run with it, called by the statement or by defaults, policies or views: what they do to tables is ' +
  'in no plan.';

/** As the session has them which the execution will run in. */
function valueSettingsOf(prepared: PreparedCall): Promise<string> {
  return prepared.kept.lend(prepared, async (writer, [begun]) => begunWriting(writer, begun).values, {
    use: 'statement',
    start: startOfRehearsal(prepared),
  });
}

/** Nobody knows what triggers do before that, so it is not said that nothing changes. */
function countedIn(effects: readonly ResourceEffect[]): string {
  const isEmpty = effects.every(({ inserted, updated, deleted }) => inserted + updated + deleted === 0);
  return isEmpty ? 'Meets no row' : summaryOf(effects).slice(0, -1);
}

const BOUND =
  'Bound to this plan are how many rows the statement inserts, and which rows it and its cascades update or delete. Where a ' +
  'trigger changes a key, what the rows that refer to it do then is in no plan. The values that are written are not bound: ' +
  'they are calculated when it runs.';

function wordsOf(
  { analysis }: PreparedCall,
  effects: readonly ResourceEffect[],
): Readonly<Record<Untried, Record<'summary' | 'warning' | 'reversal', string>>> {
  const names = shortList(analysis.unknownTriggers.map(({ name }) => name));
  const tables = analysis.tables.filter(({ isNamed }) => isNamed).map(({ resource }) => resource);
  const counted = countedIn(effects);
  return {
    unknown_triggers: {
      summary: `${counted}; what its triggers do is not previewed.`,
      warning:
        `Not previewed: triggers call what is not on the target's list of functions (${names}), so the statement was ` +
        `not tried out, and what they do is not known. ${BOUND}`,
      reversal: `What ${names} does is not known, so neither is how to undo it.`,
    },
    count: {
      summary: `${counted}; counted only, it was not tried out.`,
      warning: `Not previewed: this target only counts rows. What triggers do is not known. ${BOUND}`,
      reversal: 'The earlier rows are not recorded. Restore from a backup.',
    },
    none: {
      summary: `Writes ${tables.join(', ') || 'what its functions write'}; nothing was tried out and no rows were counted.`,
      warning:
        'Not previewed: at this target nothing is tried out. How many rows change, and what triggers and cascades do, ' +
        'is not known. What runs is the statement as it stands; no row and no value is bound to this plan, so it hits ' +
        "whatever its conditions meet then, also others than today's.",
      reversal: 'The earlier rows are not recorded. Restore from a backup.',
    },
  };
}
