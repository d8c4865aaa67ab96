import { describe, expect, it } from 'vitest';

import {
  confirmationOf,
  isTyped,
  missingApprovals,
  typedLabel,
} from '../../../apps/console/request/confirmation.ts';
import { effect, requirement, shownRequest, stageProgress } from './shown.ts';

const NOW = Date.parse('2026-12-01T03:20:00.000Z');

describe('the dialog before a decision', () => {
  it('repeats what will happen, and whether it happens at once', () => {
    const { title, sentences, typed, isReasonRequired } = confirmationOf('approve', shownRequest(), NOW);
    expect(title).toBe('Approve postgres.execute on shop (prod)?');
    expect(sentences[0]).toContain('Updates 3 rows of account.');
    expect(sentences.at(-1)).toContain('it runs at once');
    expect(typed).toBeNull();
    expect(isReasonRequired).toBe(false);
  });

  it('says what may have been overlooked', () => {
    const card = {
      preview: { is_whole: false, warnings: [] },
      reversal: { is_possible: false, how: 'Keys are given.', steps: [] },
    };
    const text = confirmationOf('approve', shownRequest({ card }), NOW).sentences.join(' ');
    expect(text).toContain('previewed');
    expect(text).toContain('cannot be undone');
  });

  it('counts who has to approve yet: one person may fill seats of several rules, but none two of a stage', () => {
    const progress = (...stages: { quorum: number; filled: number }[]) => ({
      rules: stages.map((stage) => ({
        rule: 'r',
        stages: [{ ...stageProgress(stage), selectors: ['group:dba'] }],
      })),
    });
    expect(
      missingApprovals(requirement(), progress({ quorum: 1, filled: 0 }, { quorum: 2, filled: 0 })),
    ).toBe(2);
    expect(missingApprovals(requirement({ distinct_people: 3 }), progress({ quorum: 1, filled: 1 }))).toBe(2);
    expect(missingApprovals(requirement(), progress({ quorum: 1, filled: 1 }))).toBe(0);
    const two = shownRequest({ request: { progress: progress({ quorum: 2, filled: 0 }) } });
    expect(confirmationOf('approve', two, NOW).sentences.join(' ')).toContain(
      'at least 1 more person has to approve',
    );
  });

  it('says that what is approved waits for the end of a freeze', () => {
    const freezes = [{ id: 'year-end', title: 'Year-end', until: '2027-01-04T07:00:00.000Z' }];
    const held = shownRequest({ request: { freezes } });
    expect(confirmationOf('approve', held, NOW).sentences.join(' ')).toContain('what holds it back is over');
  });

  it('says that nobody can approve again what is taken back after its time', () => {
    const request = { status: 'approved', expires_at: '2026-12-01T03:30:00.000Z' } as const;
    const text = (nowMs: number) =>
      confirmationOf('take_back', shownRequest({ request }), nowMs).sentences.join(' ');
    expect(text(NOW)).toContain('planned again');
    expect(text(NOW + 600_000)).toContain('nobody can approve it again');
    expect(text(NOW + 600_000)).not.toContain('planned again');
  });

  it('says of a decision that the requester performs what Keyturn does not', () => {
    const base = shownRequest().card;
    const gate = shownRequest({ card: { request: { ...base.request, mode: 'gate' } } });
    const text = confirmationOf('approve', gate, NOW).sentences.join(' ');
    expect(text).toContain('Keyturn does not watch');
    expect(text).toContain('given out at once');
  });

  it('asks for the reason that a rule demands, of decisions only', () => {
    const [rule] = requirement().rules;
    const rules = rule ? [{ ...rule, is_reason_required: true }] : [];
    const shown = shownRequest({ card: { requirement: requirement({ rules }) } });
    const isRequired = (act: 'approve' | 'deny' | 'defer' | 'withdraw' | 'take_back') =>
      confirmationOf(act, shown, NOW).isReasonRequired;
    expect(isRequired('approve')).toBe(true);
    expect(isRequired('deny')).toBe(true);
    expect(isRequired('take_back')).toBe(true);
    expect(isRequired('defer')).toBe(false);
    expect(isRequired('withdraw')).toBe(false);
  });
});

describe('what must be typed', () => {
  const critical = shownRequest({
    card: {
      risk: { tier: 'critical', reasons: [], facts: null },
      effects: [effect({ changed: 1_204 }), effect({ changed: 30 })],
    },
  });

  it('is the target or the number of rows, to approve on the critical tier', () => {
    const { typed } = confirmationOf('approve', critical, NOW);
    expect(typed).toEqual({ target: 'shop', rows: 1_234 });
    expect(typed && typedLabel(typed)).toBe(
      'Type the target’s name (shop) or the number of rows that change',
    );
    expect(confirmationOf('deny', critical, NOW).typed).toBeNull();
  });

  it.each(['shop', ' shop ', '1234', '1,234', '1 234', "1'234", '1.234'])('is right: %s', (text) => {
    expect(isTyped({ target: 'shop', rows: 1_234 }, text)).toBe(true);
  });

  it.each(['', 'Shop', 'shops', '123', '12345', '1234 rows', '-1234', '0x4d2', ','])(
    'is wrong: %s',
    (text) => {
      expect(isTyped({ target: 'shop', rows: 1_234 }, text)).toBe(false);
    },
  );

  it('is only the target where no rows are counted', () => {
    expect(isTyped({ target: 'shop', rows: null }, '0')).toBe(false);
    expect(isTyped({ target: 'shop', rows: null }, '')).toBe(false);
  });
});
