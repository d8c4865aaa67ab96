import { KEYS } from './keys.ts';
import type { PolicyTestDecision } from '../policy-authoring/policy-test-review.ts';
import type { Names } from './names.ts';
import { readMoment } from './test-times.ts';
import type { Value } from './value.ts';

/** Reads what was decided before, in a test. Told in the order of time, as it happened. */
export function readDecisions(
  value: Value | undefined,
  names: Names,
  since: string,
): readonly PolicyTestDecision[] {
  const places = value?.items() ?? [];
  const decisions = places.map((place) => readDecision(place, names, since));
  for (const [index, place] of places.entries()) {
    const [before, decision] = [decisions[index - 1], decisions[index]];
    if (before && decision && decision.at_ms < before.at_ms)
      place.refuse('decided before the decision above it: list them in the order of time');
  }
  return decisions;
}

function readDecision(value: Value, names: Names, since: string): PolicyTestDecision {
  const fields = value.fields(KEYS['tests.given.decisions']);
  const by = fields.get('by');
  if (by) names.require('person', by.text(), by);
  return {
    by: by?.text() ?? '',
    verdict: fields.get('verdict')?.choice(['approve', 'deny'] as const) ?? 'approve',
    at_ms: readMoment(fields.get('at'), since),
  };
}
