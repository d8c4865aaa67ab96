import { describe, expect, it } from 'vitest';

import { CONNECTOR_CODES } from '../../../domain/request/connector-codes.ts';
import { isOwnMistake, visibleFailure } from '../../../domain/policy/visibility.ts';

describe('the code of a failure', () => {
  it.each(['forbidden', 'policy_invalid', 'target_removed', 'switched_off', 'target_keeps_changing'])(
    'is shown to those behind a request where policy or the course of the request chose it: %s',
    (code) => {
      expect(visibleFailure({ code, detail: 'rule-of-olga' }, 'standing')).toEqual({ code });
    },
  );

  it('is shown of every connector as its catalogue says: what a dry run may have read of rows, to nobody else', () => {
    const hidden = Object.values(CONNECTOR_CODES).flatMap((codes) =>
      Object.keys(codes).filter((code) => visibleFailure({ code, detail: '' }, 'standing').code !== code),
    );
    expect(hidden).toEqual(['not_previewable', 'planning_limit']);
  });

  it.each(['planning_limit', 'not_previewable', 'a_code_that_nobody_listed'])(
    'is not shown to them where rows of the target could have chosen it: %s',
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
    { action: 'keyturn.policy.publish', code: 'policy_invalid', hasPlan: false, isShown: true },
    { action: 'keyturn.policy.publish', code: 'policy_invalid', hasPlan: true, isShown: false },
    { action: 'keyturn.policy.publish', code: 'target_error', hasPlan: false, isShown: false },
    { action: 'postgres.execute', code: 'policy_invalid', hasPlan: false, isShown: false },
  ])(
    'is shown to those behind $action that failed as $code (with a plan: $hasPlan): $isShown',
    ({ action, code, hasPlan, isShown }) => {
      expect(isOwnMistake(action, { code }, { hasPlan })).toBe(isShown);
    },
  );
});
