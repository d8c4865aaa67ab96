import { describe, expect, it } from 'vitest';

import { isRehearsed } from '../../../domain/execution/budgets.ts';

describe('the budgets of rehearsals', () => {
  it.each<readonly [string, string | null, boolean]>([
    ['a statement at a target', 'postgres.execute', true],
    ['the publication of a policy', 'keyturn.policy', false],
    ['the resolution of an outcome', 'keyturn.resolution', false],
    ['an action that nothing executes', null, false],
  ])('apply to %s', (_name, connector, isHeld) => {
    expect(isRehearsed(connector)).toBe(isHeld);
  });
});
