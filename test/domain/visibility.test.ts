import { describe, expect, it } from 'vitest';

import { isOwnMistake, visibleFailure } from '../../domain/visibility.ts';

describe('the code of a failure', () => {
  it.each(['forbidden', 'policy_invalid', 'target_removed', 'switched_off', 'target_keeps_changing'])(
    'is told to those behind a request where policy or the course of the request chose it: %s',
    (code) => {
      expect(visibleFailure({ code, detail: 'rule-of-olga' }, 'standing')).toEqual({ code });
    },
  );

  it.each(['planning_limit', 'a_code_that_nobody_listed'])(
    'is not told to them where rows of the target could have chosen it: %s',
    (code) => {
      const failure = { code, detail: 'Key (email)=(olga@example.com)' };
      expect(visibleFailure(failure, 'standing')).toEqual({ code: 'target_error' });
      expect(visibleFailure(failure, 'approved')).toEqual({ code: 'target_error' });
      expect(visibleFailure(failure, 'whole')).toEqual(failure);
    },
  );
});

describe('the cause of a failure', () => {
  it.each([
    ['keyturn.policy.publish', 'policy_invalid', false, true],
    ['keyturn.policy.publish', 'policy_invalid', true, false],
    ['keyturn.policy.publish', 'target_error', false, false],
    ['postgres.execute', 'policy_invalid', false, false],
  ])(
    'is told to those behind %s that failed as %s (with a plan: %s): %s',
    (action, code, hasPlan, isTold) => {
      expect(isOwnMistake(action, { code }, { hasPlan })).toBe(isTold);
    },
  );
});
