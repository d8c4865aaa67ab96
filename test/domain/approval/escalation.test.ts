import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  escalationSteps,
  nextEscalation,
  selectorsAt,
  type ClockedStage,
} from '../../../domain/approval/escalation.ts';
import type { Stage } from '../../../domain/request/requirement.ts';
import {
  anyCase,
  anyRuleRequirement,
  approval,
  reviewBy,
  MINUTE_MS,
  minutes,
  requirement,
  seats,
  stage,
  START,
  tallyFacts,
} from '../examples.ts';

const LADDER = stage(['group:dba'], 1, {
  escalate: [
    { after_ms: 30 * MINUTE_MS, to: 'group:dba-leads' },
    { after_ms: 60 * MINUTE_MS, to: 'owners' },
  ],
});

function onTheWall(ladder: Stage): ClockedStage {
  return { stage: ladder, rule: {}, clocks: undefined };
}

describe('escalation', () => {
  it('widens who may decide at the instant it is due, and not a millisecond before', () => {
    const justBefore = new Date(Date.parse(minutes(30)) - 1).toISOString();
    expect(selectorsAt(onTheWall(LADDER), START, justBefore)).toEqual(['group:dba']);
    expect(selectorsAt(onTheWall(LADDER), START, minutes(30))).toEqual(['group:dba', 'group:dba-leads']);
    expect(selectorsAt(onTheWall(LADDER), START, minutes(600))).toEqual([
      'group:dba',
      'group:dba-leads',
      'owners',
    ]);
  });

  it('only ever widens', () => {
    const instant = fc.integer({ min: 0, max: 200 });
    fc.assert(
      fc.property(anyRuleRequirement, instant, instant, (rule, one, other) => {
        const [early, late] = [Math.min(one, other), Math.max(one, other)];
        for (const step of rule.stages) {
          const before = selectorsAt(onTheWall(step), START, minutes(early));
          const after = selectorsAt(onTheWall(step), START, minutes(late));
          expect(after).toEqual(expect.arrayContaining([...before]));
          expect(before).toEqual(expect.arrayContaining([...step.any]));
          expect(new Set(after).size).toBe(after.length);
        }
      }),
    );
  });

  it('widens nothing when an instant cannot be read', () => {
    expect(selectorsAt(onTheWall(LADDER), START, 'never')).toEqual(['group:dba']);
    expect(selectorsAt(onTheWall(LADDER), 'never', minutes(600))).toEqual(['group:dba']);
  });

  it('happens at absolute instants, counted from the opening of the stage, earliest first', () => {
    const both = requirement([
      reviewBy([LADDER]),
      reviewBy([{ ...LADDER, escalate: [{ after_ms: 45 * MINUTE_MS, to: 'user:omar' }] }]),
    ]);
    const steps = escalationSteps(tallyFacts(both, []));
    expect(steps).toEqual([
      { rule: 0, stage: 0, to: 'group:dba-leads', at: minutes(30) },
      { rule: 1, stage: 0, to: 'user:omar', at: minutes(45) },
      { rule: 0, stage: 0, to: 'owners', at: minutes(60) },
    ]);
  });

  it('does not move when it is asked for later', () => {
    const one = requirement([reviewBy([LADDER])]);
    expect(escalationSteps(tallyFacts(one, [], minutes(50)))).toEqual(escalationSteps(tallyFacts(one, [])));
  });

  it('of a later stage of a sequence counts from when the earlier one was satisfied', () => {
    const inOrder = requirement([reviewBy([stage(['owners']), LADDER], { order: 'sequential' })]);
    expect(escalationSteps(tallyFacts(inOrder, []))).toEqual([]);
    const first = approval('omar', seats([0, 0]), { at: minutes(17) });
    expect(escalationSteps(tallyFacts(inOrder, [first], minutes(18))).map((step) => step.at)).toEqual([
      minutes(47),
      minutes(77),
    ]);
  });

  it('stops for a stage that is filled', () => {
    const one = requirement([reviewBy([LADDER])]);
    expect(escalationSteps(tallyFacts(one, [approval('olga', seats([0, 0]))]))).toEqual([]);
  });

  it('starts again when the approval that filled the stage grows stale', () => {
    const one = requirement([reviewBy([LADDER], { maximum_age_ms: 10 * MINUTE_MS })]);
    const stale = approval('olga', seats([0, 0]), { at: minutes(1) });
    expect(escalationSteps(tallyFacts(one, [stale], minutes(12))).map((step) => step.at)).toEqual([
      minutes(30),
      minutes(60),
    ]);
  });

  it('has a next step strictly after the instant asked about, until there is none', () => {
    const facts = tallyFacts(requirement([reviewBy([LADDER])]), []);
    expect(nextEscalation(facts, START)?.at).toBe(minutes(30));
    expect(nextEscalation(facts, minutes(30))?.at).toBe(minutes(60));
    expect(nextEscalation(facts, minutes(60))).toBeNull();
  });

  it('visits every step once when followed from one to the next', () => {
    fc.assert(
      fc.property(anyCase(), ({ required, decisions }) => {
        const facts = tallyFacts(required, decisions, minutes(61));
        const instants = [...new Set(escalationSteps(facts).map((step) => step.at))];
        const visited: string[] = [];
        const before = minutes(-1);
        for (let step = nextEscalation(facts, before); step; step = nextEscalation(facts, step.at)) {
          visited.push(step.at);
        }
        expect(visited).toEqual(instants);
      }),
    );
  });
});
