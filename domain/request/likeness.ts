import { digestOf, type Digest } from '../crypto/digest.ts';
import type { Plan } from './plan.ts';

/** What was asked for, where it was asked, and in what form. */
export interface Likenesses {
  readonly action: string;
  readonly target: string;
  readonly plan: Pick<Plan, 'effects' | 'fingerprint'>;
  /** The same for every way to write what was asked. */
  readonly normalForm?: Digest | undefined;
}

/**
 * Digests that a plan shares with plans of the same: one written another way, and one with the very same effect. Effects
 * that are only counted, or that are none, are no likeness: very different things have them.
 */
export function likenesses({ action, target, plan, normalForm }: Likenesses): readonly Digest[] {
  const { effects, fingerprint } = plan;
  const isEffectKnown = effects.length > 0 && effects.every((effect) => !effect.is_counts_only);
  return [
    ...(normalForm === undefined ? [] : [digestOf({ action, target, form: normalForm })]),
    ...(isEffectKnown ? [digestOf({ action, target, effect: fingerprint })] : []),
  ];
}
