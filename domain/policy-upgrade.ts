import type { PolicySet, StoredPolicy } from './policy.ts';

/**
 * A stored set in the form of this version. What its version could not say is filled in so that it means what it meant:
 * no freezes, no rotations. Only for a body whose digest was checked; the result has another digest than was stored.
 */
export function completePolicy(body: StoredPolicy): PolicySet {
  return {
    ...body,
    calendars: body.calendars ?? [],
    freezes: body.freezes ?? [],
    rotations: body.rotations ?? [],
  };
}
