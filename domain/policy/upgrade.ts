import type { PolicySet, StoredPolicy } from './policy.ts';
import { DEFAULT_RISK } from './risk.ts';

/**
 * A stored set in the form of this version. What its version could not say is filled in so that it means what it meant:
 * no freezes, no rotations, risk as it was built in. Only for a body whose digest was checked; the result has another digest than was stored.
 */
export function completePolicy(body: StoredPolicy): PolicySet {
  return {
    ...body,
    production: body.production ?? body.environments.filter((name) => name.startsWith('prod')),
    enums: body.enums ?? {},
    risk: body.risk ?? DEFAULT_RISK,
    windows: body.windows ?? [],
    calendars: body.calendars ?? [],
    freezes: body.freezes ?? [],
    rotations: body.rotations ?? [],
  };
}
