import { describe, expect, it } from 'vitest';

import { tally } from '../../../domain/approval/quorum.ts';
import { approval, reviewBy, minutes, requirement, seats, stage, START, tallyFacts } from '../examples.ts';

describe('a quorum', () => {
  it('is met by as many distinct people as it names, and stays met by more', () => {
    const two = requirement([reviewBy([stage(['group:dba'], 2)])]);
    const everyone = ['a', 'b', 'c', 'd'].map((name) => approval(name, seats([0, 0])));
    const standings = [0, 1, 2, 3, 4].map(
      (count) => tally(tallyFacts(two, everyone.slice(0, count))).standing,
    );
    expect(standings).toEqual(['pending', 'pending', 'approved', 'approved', 'approved']);
  });

  it('counts a person once, however often they approve', () => {
    const two = requirement([reviewBy([stage(['group:dba'], 2)])]);
    const twice = [approval('olga', seats([0, 0])), approval('olga', seats([0, 0]), { id: 'dec_again' })];
    expect(tally(tallyFacts(two, twice))).toMatchObject({ standing: 'pending', people: ['olga'] });
  });

  it('gives one person in two groups one seat of a rule', () => {
    const both = requirement([reviewBy([stage(['group:dba']), stage(['owners'])])]);
    const one = approval('olga', seats([0, 0], [0, 1]));
    expect(tally(tallyFacts(both, [one])).standing).toBe('pending');
    const other = approval('dmitri', seats([0, 0]));
    expect(tally(tallyFacts(both, [one, other]))).toMatchObject({
      standing: 'approved',
      rules: [[{ filled_by: ['dmitri'] }, { filled_by: ['olga'] }]],
    });
  });

  it('lets a DBA who is also an owner go first without taking the seat of the owner who comes after', () => {
    const both = requirement([reviewBy([stage(['owners']), stage(['group:dba'])])]);
    const dbaAndOwner = approval('olga', seats([0, 0], [0, 1]), { at: minutes(1) });
    const owner = approval('omar', seats([0, 0]), { at: minutes(2) });
    const standing = tally(tallyFacts(both, [dbaAndOwner, owner], minutes(3)));
    expect(standing.standing).toBe('approved');
    expect(standing.rules[0]?.map((one) => one.filled_by)).toEqual([['omar'], ['olga']]);
  });

  it('lets one person fill a seat in each of two rules, unless more distinct people are required', () => {
    const rules = [reviewBy([stage(['group:dba'])]), reviewBy([stage(['group:dba'])], { rule: 'second' })];
    const one = [approval('olga', seats([0, 0], [1, 0]))];
    expect(tally(tallyFacts(requirement(rules), one)).standing).toBe('approved');
    const tier = requirement(rules, { distinct_people: 2 });
    expect(tally(tallyFacts(tier, one)).standing).toBe('pending');
    const two = [...one, approval('dmitri', seats([0, 0]))];
    expect(tally(tallyFacts(tier, two)).standing).toBe('approved');
  });

  it('is never met when nothing is required', () => {
    const nothing = requirement([], { distinct_people: 0 });
    expect(tally(tallyFacts(nothing, [])).standing).toBe('pending');
    expect(tally(tallyFacts(nothing, [approval('olga', seats([0, 0]))])).standing).toBe('pending');
  });

  it('is not met by a deferral', () => {
    const one = requirement([reviewBy([stage(['group:dba'])])]);
    const deferral = approval('olga', seats([0, 0]), { verdict: 'defer' });
    expect(tally(tallyFacts(one, [deferral]))).toMatchObject({ standing: 'pending', people: [] });
  });

  it('is not met by an approval without a seat, or with the seat of another rule', () => {
    const rules = requirement([reviewBy([stage(['group:dba'])]), reviewBy([stage(['owners'])])]);
    expect(tally(tallyFacts(rules, [approval('olga', [])])).people).toEqual([]);
    expect(tally(tallyFacts(rules, [approval('olga', seats([0, 0]))])).standing).toBe('pending');
  });
});

describe('a denial', () => {
  it('ends the request, also when everything needed was approved', () => {
    const one = requirement([reviewBy([stage(['group:dba'])])]);
    const enough = approval('olga', seats([0, 0]));
    const denial = approval('dmitri', seats([0, 0]), { verdict: 'deny', at: minutes(2) });
    expect(tally(tallyFacts(one, [enough])).standing).toBe('approved');
    expect(tally(tallyFacts(one, [enough, denial]))).toMatchObject({
      standing: 'denied',
      denied_by: 'dmitri',
    });
  });

  it('does not grow stale', () => {
    const one = requirement([reviewBy([stage(['group:dba'])], { maximum_age_ms: 1 })]);
    const denial = approval('dmitri', seats([0, 0]), { verdict: 'deny' });
    expect(tally(tallyFacts(one, [denial], minutes(600))).standing).toBe('denied');
  });
});

describe('an approval', () => {
  const rules = requirement([reviewBy([stage(['group:dba'])], { maximum_age_ms: 30 * 60_000 })]);
  const given = approval('olga', seats([0, 0]), { at: minutes(10) });

  it('counts until its maximum age and not at it', () => {
    const justBefore = new Date(Date.parse(minutes(40)) - 1).toISOString();
    expect(tally(tallyFacts(rules, [given], justBefore)).standing).toBe('approved');
    expect(tally(tallyFacts(rules, [given], minutes(40))).standing).toBe('pending');
  });

  it('counts for the rule that still accepts its age and not for the stricter one', () => {
    const both = requirement([
      ...rules.rules,
      reviewBy([stage(['owners'])], { maximum_age_ms: 90 * 60_000 }),
    ]);
    const olga = { ...given, seats: seats([0, 0], [1, 0]) };
    const standing = tally(tallyFacts(both, [olga], minutes(60)));
    expect(standing.rules.map((one) => one[0]?.filled_by)).toEqual([[], ['olga']]);
    expect(standing).toMatchObject({ standing: 'pending', people: ['olga'] });
  });

  it('given again after it grew stale counts from then on', () => {
    const again = approval('olga', seats([0, 0]), { id: 'dec_again', at: minutes(45) });
    expect(tally(tallyFacts(rules, [given, again], minutes(50))).standing).toBe('approved');
  });

  it('below the minimum grade counts nothing', () => {
    const strict = requirement([reviewBy([stage(['group:dba'])], { minimum_grade: 'B' })]);
    const graded = (grade: 'A' | 'B' | 'C' | 'D'): string =>
      tally(tallyFacts(strict, [approval('olga', seats([0, 0]), { grade })])).standing;
    expect((['A', 'B', 'C', 'D'] as const).map(graded)).toEqual([
      'approved',
      'approved',
      'pending',
      'pending',
    ]);
  });

  it('with an instant that cannot be read counts nothing', () => {
    expect(tally(tallyFacts(rules, [{ ...given, at: 'soon' }], minutes(11))).standing).toBe('pending');
  });
});

describe('stages side by side', () => {
  it('are all open from the start, whatever was approved', () => {
    const both = requirement([reviewBy([stage(['group:dba']), stage(['owners'])])]);
    for (const decisions of [[], [approval('olga', seats([0, 0]))]]) {
      const [stages] = tally(tallyFacts(both, decisions)).rules;
      expect(stages?.map((one) => one.opened_at)).toEqual([START, START]);
    }
  });
});

describe('stages in sequence', () => {
  const inOrder = requirement([reviewBy([stage(['group:dba']), stage(['owners'])], { order: 'sequential' })]);
  const first = approval('olga', seats([0, 0]), { at: minutes(5) });
  const second = approval('omar', seats([0, 1]), { at: minutes(9) });

  it('open one after the other, at the instant the earlier one was satisfied', () => {
    expect(tally(tallyFacts(inOrder, [])).rules[0]?.map((one) => one.opened_at)).toEqual([START, null]);
    const opened = tally(tallyFacts(inOrder, [first], minutes(6))).rules[0];
    expect(opened?.map((one) => one.opened_at)).toEqual([START, minutes(5)]);
  });

  it('are satisfied together', () => {
    expect(tally(tallyFacts(inOrder, [first, second], minutes(10))).standing).toBe('approved');
    expect(tally(tallyFacts(inOrder, [second], minutes(10))).standing).toBe('pending');
  });

  it('close again when the approval that opened them grows stale', () => {
    const late = tally(tallyFacts(inOrder, [first, second], minutes(66)));
    expect(late).toMatchObject({ standing: 'pending' });
    expect(late.rules[0]?.[1]?.opened_at).toBeNull();
  });

  it('open by the instants of the decisions, not by the order of their arrival', () => {
    const quorumOfTwo = requirement([
      reviewBy([stage(['group:dba'], 2), stage(['owners'])], { order: 'sequential' }),
    ]);
    const early = approval('olga', seats([0, 0]), { at: minutes(5) });
    const late = approval('dmitri', seats([0, 0]), { at: minutes(20) });
    for (const arrived of [
      [early, late],
      [late, early],
    ]) {
      expect(tally(tallyFacts(quorumOfTwo, arrived, minutes(21))).rules[0]?.[1]?.opened_at).toBe(minutes(20));
    }
  });
});
