import { digestOf, type Digest } from '../crypto/digest.ts';
import type { PolicyFacts } from './built-in-facts.ts';
import type { CountingWindow } from './policy.ts';

/** What makes requests count together in a window. */
export function windowKey(
  window: CountingWindow,
  { action, target, root }: { readonly action: string; readonly target: string; readonly root: string },
): Digest {
  const parts = { lineage: root, action, target };
  return digestOf([window.id, ...window.per.map((part) => [part, parts[part]])]);
}

/** What a request adds to a window's sum: a whole number, never negative. Zero where the window only counts. */
export function amountOf({ sum }: CountingWindow, facts: Pick<PolicyFacts, 'plan' | 'args'>): number {
  switch (sum) {
    case null:
      return 0;
    case 'plan.rows':
      return facts.plan?.rows_changed ?? 0;
    case 'plan.resources':
      return facts.plan?.resources_changed ?? 0;
    default:
      return argumentAmount(facts.args, sum.slice('args.'.length));
  }
}

function argumentAmount(args: PolicyFacts['args'], field: string): number {
  const value = Object.hasOwn(args, field) ? args[field] : 0;
  return typeof value === 'number' && Number.isSafeInteger(value) ? Math.max(0, value) : 0;
}
