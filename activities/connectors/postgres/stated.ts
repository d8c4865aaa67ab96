import type { ResourceEffect, Reversal } from '../../../domain/plan.ts';
import type { Stated } from '../approved-plan.ts';
import { riskFactsOf, summaryOf } from './describe.ts';
import type { TableEffect } from './effect.ts';
import type { ProjectedEffect } from './projection.ts';
import { shownEffects, sizeOf } from './shown.ts';
import type { UnpreviewedCall } from './unpreviewed.ts';
import { assignmentsOf, rewritingOf, unseenEffects, warningsOf } from './warnings.ts';

/** Effects as a plan shows them: what is bound of values that nobody knows yet is in the fingerprint alone. */
export function shownOf(
  prepared: UnpreviewedCall,
  effects: readonly ProjectedEffect[],
): readonly ResourceEffect[] {
  return shownEffects(effects.map(withoutMade), prepared.analysis, sizeOf(prepared));
}

function withoutMade({ made: _made, unbound: _unbound, ...effect }: ProjectedEffect): ResourceEffect {
  return effect;
}

/** What a statement that was run did. */
export interface Seen {
  readonly effects: readonly ProjectedEffect[];
  readonly shown: readonly ResourceEffect[];
  readonly reversal: Reversal;
  /** The tables that it wrote. */
  readonly changed: readonly TableEffect[];
}

/** What a plan states of effects that were seen, whether it is made or held against what happens. */
export function statedOf(prepared: UnpreviewedCall, { effects, shown, reversal, changed }: Seen): Stated {
  const { statement, analysis } = prepared;
  const unbound = effects.flatMap((effect) => effect.unbound ?? []);
  const facts = riskFactsOf(shown, reversal);
  return {
    operation: statement.text,
    summary: shown.length === 0 ? summaryWithoutChanges(prepared) : summaryOf(shown),
    effects: shown,
    warnings: [
      ...rewritingOf(analysis.rewritten),
      ...assignmentsOf(analysis.tables, changed),
      ...unbound.map(({ text }) => text),
      ...unseenEffects(analysis),
      ...warningsOf(statement, changed),
    ],
    risk_facts: unbound.some(({ isAnything }) => isAnything)
      ? { ...facts, is_fully_previewed: false }
      : facts,
  };
}

function summaryWithoutChanges({ statement, analysis }: UnpreviewedCall): string {
  if (analysis.reachesVolatileFunctions) return 'Changes no table.';
  return statement.isRead ? READS : summaryOf([]);
}

const READS = 'Reads only: changes nothing, and returns no rows.';
