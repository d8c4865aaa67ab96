import type { Plan, ResourceEffect, Reversal } from '../../../domain/request/plan.ts';
import type { Stated } from '../approved-plan.ts';
import type { Analysis } from './analysis.ts';
import { riskFactsOf, summaryOf } from './describe.ts';
import type { TableEffect } from './images.ts';
import type { ProjectedEffect } from './projection.ts';
import { shownEffects, sizeOf } from './shown.ts';
import type { Statement } from './statement.ts';
import { assignmentsOf, movesOf, rewritingOf, unseenEffects, warningsOf } from './warnings.ts';
import type { PreparedCall } from './prepared-call.ts';

/** Effects as a plan shows them: what is bound of values that nobody knows yet is in the fingerprint alone. */
export function shownOf(
  prepared: PreparedCall,
  effects: readonly ProjectedEffect[],
): readonly ResourceEffect[] {
  return shownEffects(effects.map(withoutMade), prepared.analysis, sizeOf(prepared));
}

function withoutMade(projected: ProjectedEffect): ResourceEffect {
  const { made: _made, definitions: _definitions, unbound: _unbound, moved: _moved, ...effect } = projected;
  return effect;
}

/** What a statement that was run did. */
export interface Seen {
  readonly effects: readonly ProjectedEffect[];
  readonly shown: readonly ResourceEffect[];
  /** How that is undone; null where no row changes. */
  readonly reversal: Reversal | null;
  /** The tables that it wrote. */
  readonly changed: readonly TableEffect[];
}

/** What a plan states of what is planned here. */
export type PostgresStated = Stated & Pick<Plan, 'connector' | 'reversal'>;

/** What a plan states of effects that were seen, whether it is made or held against what happens. */
export function statedOf(prepared: PreparedCall, seen: Seen): PostgresStated {
  const { effects, shown, changed } = seen;
  const { statement, analysis } = prepared;
  const unbound = effects.flatMap((effect) => effect.unbound ?? []);
  const isQuiet = !mayActElsewhere(analysis, changed);
  const reversal = seen.reversal ?? (isQuiet ? NOTHING_TO_UNDO : UNSEEN);
  const facts = riskFactsOf(shown, reversal);
  return {
    connector: CONNECTOR,
    operation: statement.text,
    summary: shown.length === 0 ? noneChanged(statement, isQuiet) : summaryOf(shown),
    effects: shown,
    reversal,
    warnings: [
      ...rewritingOf(analysis.rewritten),
      ...assignmentsOf(analysis.tables, changed),
      ...unbound.map(({ text }) => text),
      ...movesOf(effects, shown),
      ...unseenEffects(analysis),
      ...warningsOf(statement, changed),
    ],
    risk_facts: unbound.some(({ isAnything }) => isAnything)
      ? { ...facts, is_fully_previewed: false }
      : facts,
  };
}

/** As plans name it. */
export const CONNECTOR = 'postgres.execute';

/**
 * What functions and triggers of the target do outside of tables is not seen. Triggers after a row fire where one was
 * written, also if it ends as it was.
 */
function mayActElsewhere(
  { reachesVolatileFunctions, listedTriggers, listedFireWithoutRows }: Analysis,
  changed: readonly TableEffect[],
): boolean {
  return (
    reachesVolatileFunctions || listedFireWithoutRows || (listedTriggers.length > 0 && changed.length > 0)
  );
}

const NOTHING_TO_UNDO: Reversal = {
  is_possible: true,
  how: 'Nothing changes, so there is nothing to undo.',
};

const UNSEEN: Reversal = {
  is_possible: false,
  how: 'No table changes. What functions and triggers of the target do elsewhere, if anything, cannot be undone here.',
};

const CHANGES_NO_TABLE =
  'Changes no table; what functions and triggers of the target do elsewhere, if anything, is not in this plan.';

function noneChanged({ isRead }: Statement, isQuiet: boolean): string {
  if (!isQuiet) return CHANGES_NO_TABLE;
  return isRead ? 'Reads only: changes nothing, and returns no rows.' : summaryOf([]);
}
