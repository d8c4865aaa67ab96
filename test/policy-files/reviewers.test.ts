import { describe, expect, it } from 'vitest';

import { planPublication } from '../../activities/connectors/keyturn-policy/plan-publication.ts';
import { classifyChange } from '../../domain/policy-diff/diff.ts';
import { isLooser } from '../../policy-authoring/strictness.ts';
import { evaluate } from '../../domain/policy/evaluation.ts';
import { requestFacts } from '../../domain/policy/request-facts.ts';
import { OWN_ACTIONS, OWN_TARGET, targetOf, type PolicySet } from '../../domain/policy/policy.ts';
import { ownRules } from '../../domain/policy/reviewer-condition.ts';
import { formatWarning } from '../../policy-files/compile.ts';
import { load, policyOf, problemsOf, VALID, type Files } from './policy-folder.ts';

const RULES = `- id: own
  on: { action: [postgres.execute] }
  effect: review
  require: { stages: [{ any: [group:dba], quorum: 1 }], reviewer: { when: 'reviewer.id != "ada" // never' } }
- id: plain
  on: { action: [postgres.execute] }
  effect: review
  break_glass: true
  require: { stages: [{ any: [group:everyone], quorum: 1 }] }
- { id: closed, on: { action: [postgres.execute] }, when: plan.rows > 9, effect: forbid }
`;

function withReviewers(line: string | null): Files {
  const settings = line === null ? '' : `reviewers: ${line}\n`;
  return {
    'keyturn.yaml': `${VALID['keyturn.yaml']}operators: [group:everyone]\n${settings}`,
    'directory.yaml': `${VALID['directory.yaml']}  - { id: interns, members: [] }\n`,
    'rules/sql.yaml': RULES,
  };
}

const WHEN = '!("interns" in reviewer.groups)';
const INTERNS = `{ when: '${WHEN}', because: Interns never decide }`;

describe('what every reviewer must meet', () => {
  it('is part of what each review rule and the default ask, beside their own condition', async () => {
    const { rules, defaults } = await policyOf(withReviewers(INTERNS));
    expect(rules.map(({ require }) => require?.reviewer_when)).toEqual([
      `(${WHEN}) && (reviewer.id != "ada" // never\n)`,
      WHEN,
      undefined,
    ]);
    expect(defaults.require.reviewer_when).toBe(WHEN);
  });

  it('holds for what Keyturn does to itself: publications, reviews and resolutions', async () => {
    const policy = await policyOf(withReviewers(INTERNS));
    for (const { action } of OWN_ACTIONS) {
      const { requirement } = evaluate(policy, ownFacts(policy, action), 'planned');
      expect(requirement?.rules.map(({ reviewer_when: when }) => when)).toEqual([WHEN]);
    }
  });

  it('names no group that the policy lacks, and says why', async () => {
    expect(await problemsOf(withReviewers(`{ when: '"interms" in reviewer.groups', because: x }`))).toContain(
      "keyturn.yaml:10:21 when: unknown group 'interms', did you mean 'interns'?",
    );
    expect(await problemsOf(withReviewers(`{ when: '${WHEN}' }`))).toEqual([
      "keyturn.yaml:10:12 missing 'because'",
    ]);
  });

  it.each([
    ['a line break', 'reviewer.id != "ada"\n'],
    ['a comment and a line break', 'reviewer.id != "ada" // never\n'],
    ['parentheses', '(reviewer.id != "ada") && (reviewer.id != "olga")'],
  ])('is told apart from an own condition with %s', async (_what, own) => {
    const rules = RULES.replace('\'reviewer.id != "ada" // never\'', JSON.stringify(own));
    const policy = await policyOf({ ...withReviewers(INTERNS), 'rules/sql.yaml': rules });
    expect(ownRules(policy)[0]?.require?.reviewer_when).toBe(own);
  });

  it('is refused where a rule together with it could not be evaluated any more', async () => {
    const many = (id: string): string =>
      Array.from({ length: 30 }, (_, number) => `reviewer.id != "${id}${number}"`).join(' && ');
    const files = {
      ...withReviewers(`{ when: '${many('a')}', because: x }`),
      'rules/sql.yaml': RULES.replace('reviewer.id != "ada" // never', many('b')),
    };
    expect(await problemsOf(files)).toEqual([
      expect.stringMatching(/^rules\/sql\.yaml:4:.*together with the condition that is added to it$/),
    ]);
  });

  it('is warned of at its own place, and once', async () => {
    const result = await load(withReviewers(`{ when: 'reviewer.id != "zoe"', because: x }`));
    const found = result.ok ? result.warnings.filter(({ code }) => code === 'name_unknown') : [];
    expect(found.map(formatWarning)).toEqual([
      "keyturn.yaml:10:20 warning name_unknown: unknown person 'zoe'",
    ]);
  });

  it('tightens when it is added or asks for more, and loosens when it is taken away or asks for other things', async () => {
    const [none, interns, more, other] = await Promise.all(
      [
        null,
        INTERNS,
        INTERNS.replace(WHEN, `${WHEN} && reviewer.id != "ada"`),
        INTERNS.replace(WHEN, 'reviewer.id != "ada"'),
      ].map((line) => policyOf(withReviewers(line))),
    );
    const kindOf = (base?: PolicySet, candidate?: PolicySet): unknown => {
      const { changes } = classifyChange(base as PolicySet, candidate as PolicySet);
      return changes.map(({ what, how, kind }) => `${what} ${how}: ${kind}`);
    };
    expect(kindOf(none, interns)).toEqual(['reviewers added: tightening']);
    expect(kindOf(interns, more)).toEqual(['reviewers edited: tightening']);
    expect(kindOf(more, interns)).toEqual(['reviewers edited: loosening']);
    expect(kindOf(interns, other)).toEqual(['reviewers edited: loosening']);
    expect(kindOf(interns, none)).toEqual(['reviewers removed: loosening']);
  });

  it('concerns publications as well, so two people agree to any change of it', async () => {
    const [base, candidate] = await Promise.all([null, INTERNS].map((line) => policyOf(withReviewers(line))));
    const plan = planPublication(
      { base: 'a', candidate: 'b' },
      { base: base as PolicySet, candidate: candidate as PolicySet, files: [] },
      [],
    );
    expect(plan.risk_facts).toMatchObject({ is_loosening: true });
    // Its rules are not shown as changed.
    expect(plan.effects.map(({ resource }) => resource)).toEqual(['settings']);
  });

  it('makes a requirement stricter, not another one', async () => {
    const [base, candidate] = await Promise.all([null, INTERNS].map((line) => policyOf(withReviewers(line))));
    const [old, fresh] = [base, candidate].map((policy) =>
      evaluate(policy as PolicySet, ownFacts(policy as PolicySet, 'keyturn.review'), 'planned'),
    );
    if (!old || !fresh) return expect.unreachable();
    expect([isLooser(fresh, old), isLooser(old, fresh)]).toEqual([false, true]);
  });

  it('is seen by the warning that nobody is left to decide', async () => {
    const result = await load(withReviewers(`{ when: 'reviewer.id == "ada"', because: Only Ada }`));
    expect(result.ok ? result.warnings.map(formatWarning) : []).toContainEqual(
      expect.stringContaining(
        `seats_unfilled: needs 1 person, but owners with reviewer.when 'reviewer.id == "ada"' has nobody now`,
      ),
    );
  });
});

function ownFacts(policy: PolicySet, action: string): Parameters<typeof evaluate>[1] {
  const target = targetOf(policy, OWN_TARGET);
  if (!target) throw new Error('no target');
  return {
    action,
    target,
    args: {},
    plan: null,
    request: requestFacts(policy.directory, { mode: 'execute', lineage: [], break_glass: false }),
    at: '2026-01-05T12:00:00.000Z',
    history: { requests_24h: 0, denials_24h: 0, failures_24h: 0 },
    windows: null,
  };
}
