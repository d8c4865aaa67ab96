import type { JsonValue } from '../crypto/canonical-json.ts';
import type { ResourceEffect, RowEffect } from '../request/plan.ts';

/** How much of the effects a plan does not hold, in all of them together. Both 0: a card shows everything that changes. */
export interface Cut {
  /** Changed rows that are counted only. */
  readonly rows: number;
  /** Values that are too long, for which their length and digest stand. */
  readonly values: number;
}

/** What happens to one resource, with how much of it is not shown. */
export interface ShownEffect extends ResourceEffect {
  readonly changed: number;
  readonly cut: Cut;
}

/** An effect as a card shows it. */
export function shownEffect(effect: ResourceEffect): ShownEffect {
  const changed = effect.sample?.of ?? effect.inserted + effect.updated + effect.deleted;
  const values = effect.rows.flatMap(valuesOf).filter(isLong).length;
  return { ...effect, changed, cut: { rows: Math.max(0, changed - effect.rows.length), values } };
}

/** How much is not shown in all of them. */
export function cutOf(effects: readonly ResourceEffect[]): Cut {
  return effects
    .map((effect) => shownEffect(effect).cut)
    .reduce((all, { rows, values }) => ({ rows: all.rows + rows, values: all.values + values }), NOTHING);
}

const NOTHING: Cut = { rows: 0, values: 0 };

function valuesOf({ before, after }: RowEffect): readonly JsonValue[] {
  return [...Object.values(before ?? {}), ...Object.values(after ?? {})];
}

/** Values are text or null; only of a long one something else stands in its place. */
function isLong(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null;
}
