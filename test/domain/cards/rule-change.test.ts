import { describe, expect, it } from 'vitest';

import { ruleWordsChanges, requirementWordsChanges } from '../../../domain/cards/rule-change.ts';
import { ruleInWords, type ReadableRule } from '../../../domain/cards/rules.ts';

const RULE: ReadableRule = {
  id: 'usual',
  effect: 'review',
  on: { action: ['postgres.execute'], env: ['prod'] },
  because: 'Somebody looks',
  source: 'rules/usual.yaml:1',
  replaces_default: true,
  require: {
    rule: 'usual',
    stages: [{ any: ['group:dba'], quorum: 1, escalate: [] }],
    order: 'parallel',
    expires_ms: 3_600_000,
    maximum_age_ms: 3_600_000,
    minimum_grade: 'C',
    is_reason_required: false,
  },
};

function withQuorum(quorum: number): ReadableRule {
  const { require } = RULE;
  return {
    ...RULE,
    require: require && { ...require, stages: [{ any: ['group:dba'], quorum, escalate: [] }] },
  };
}

describe('what a change makes of a rule, in words', () => {
  it('is only what differs, before and after', () => {
    expect(ruleWordsChanges(ruleInWords(RULE), ruleInWords(withQuorum(2)))).toEqual([
      { what: 'who must agree', before: '1 person of group:dba', after: '2 different people of group:dba' },
    ]);
    expect(ruleWordsChanges(ruleInWords(RULE), ruleInWords({ ...RULE, when: 'plan.rows > 10' }))).toEqual([
      { what: 'condition', before: 'always', after: 'plan.rows > 10' },
    ]);
    expect(ruleWordsChanges(ruleInWords(RULE), ruleInWords(RULE))).toEqual([]);
  });

  it('is all of a rule that is added or removed, and where nobody is asked any more, that', () => {
    const added = ruleWordsChanges(null, ruleInWords(RULE));
    expect(added.map(({ what, before }) => [what, before])).toEqual(
      ['what it does', 'condition', 'who must agree', 'terms', 'reason', 'notes'].map((what) => [what, null]),
    );
    const allowed = ruleWordsChanges(
      ruleInWords(RULE),
      ruleInWords({ ...RULE, effect: 'allow', require: null }),
    );
    expect(allowed).toContainEqual({
      what: 'who must agree',
      before: '1 person of group:dba',
      after: 'nobody',
    });
  });

  it('says of two stages whether they are open at once', () => {
    const stages = [{ any: ['group:dba' as const], quorum: 1, escalate: [] }];
    const asked = (order: 'parallel' | 'sequential') => {
      const requirement = ruleInWords({
        ...RULE,
        require: RULE.require && { ...RULE.require, stages: [...stages, ...stages], order },
      }).requirement;
      if (!requirement) throw new Error('It asks nobody.');
      return requirement;
    };
    expect(requirementWordsChanges(asked('parallel'), asked('sequential'))).toEqual([
      {
        what: 'who must agree',
        before: '1 person of group:dba; and 1 person of group:dba',
        after: '1 person of group:dba; then 1 person of group:dba',
      },
    ]);
  });
});
