import { KEYS } from './keys.ts';
import type { PolicyTestDecision } from '../policy-authoring/policy-test-review.ts';
import type { Names } from './names.ts';
import { readMoment } from './test-times.ts';
import type { Value } from './value.ts';

/** Reads what was decided before, in a test. In chronological order. */
export function readDecisions(
  value: Value | undefined,
  names: Names,
  since: string,
): readonly PolicyTestDecision[] {
  const items = value?.items() ?? [];
  const decisions = items.map((item) => readDecision(item, names, since));
  for (const [index, item] of items.entries()) {
    const [before, decision] = [decisions[index - 1], decisions[index]];
    if (before && decision && decision.at_ms < before.at_ms)
      item.refuse('decided before the decision above it: list them in chronological order');
  }
  return decisions;
}

function readDecision(value: Value, names: Names, since: string): PolicyTestDecision {
  const fields = value.fields(KEYS['tests.given.decisions']);
  const by = fields.get('by');
  return {
    by: by ? names.read('person', by) : '',
    verdict: fields.get('verdict')?.choice(['approve', 'deny'] as const) ?? 'approve',
    at_ms: readMoment(fields.get('at'), since),
  };
}
