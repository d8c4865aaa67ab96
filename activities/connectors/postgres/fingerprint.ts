import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { digestOf, type Digest } from '../../../domain/crypto/digest.ts';
import type { ProjectedEffect } from './projection.ts';
import type { RewrittenRelation } from './rewriting.ts';

/**
 * The fingerprint of a plan: SHA-256 over all its effects, however many of them are shown and in whatever order, and over
 * the definitions of views and rules that led to them. Where values are not in them, the settings are that they depend on.
 */
export function fingerprintOf(
  effects: readonly ProjectedEffect[],
  {
    valueSettings = '',
    rewritten = [],
  }: { valueSettings?: string; rewritten?: readonly RewrittenRelation[] } = {},
): Digest {
  const sorted = [...effects].sort((left, right) => (left.resource < right.resource ? -1 : 1));
  const isOpen = sorted.some((effect) => effect.is_counts_only || effect.assigned_columns.length > 0);
  const settings = isOpen ? { settings: valueSettings } : {};
  const also = { ...settings, ...digestedRewriting(rewritten) };
  return digestOf({ version: 2, effects: sorted.map(digestedEffect), ...also });
}

/** Nothing where the statement writes tables by their names. */
export function digestedRewriting(
  rewritten: readonly RewrittenRelation[],
): Readonly<Record<string, JsonValue>> {
  const lines = rewritten.map(({ resource, by, definition }) => `${resource} ${by} ${definition}`);
  return lines.length === 0 ? {} : { rewritten: lines.sort() };
}

function digestedEffect(effect: ProjectedEffect): JsonValue {
  const { resource, inserted, updated, deleted, rows, assigned_columns, is_counts_only } = effect;
  const images = rows.map(({ key, before, after }) => ({ key, before, after }));
  const { made, definitions } = effect;
  const also = { ...(made && { made }), ...(definitions && { definitions }) };
  return { resource, inserted, updated, deleted, rows: images, assigned_columns, is_counts_only, ...also };
}
