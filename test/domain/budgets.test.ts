import { describe, expect, it } from 'vitest';

import { isRehearsed } from '../../domain/budgets.ts';

describe('the budgets of rehearsals', () => {
  it.each<readonly [string, string | null, boolean, boolean]>([
    ['a statement at a target', 'postgres.execute', false, true],
    ['an emergency', 'postgres.execute', true, false],
    ['the publication of a policy', 'keyturn.policy', false, false],
    ['the resolution of an outcome', 'keyturn.resolution', false, false],
    ['an action that nothing performs', null, false, false],
  ])('apply to %s', (_name, ...[connector, isBreakGlass, isHeld]) => {
    expect(isRehearsed(connector, isBreakGlass)).toBe(isHeld);
  });
});
