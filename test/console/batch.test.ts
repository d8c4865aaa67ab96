import { describe, expect, it } from 'vitest';

import { decisionOn, needsReason, whyAlone } from '../../apps/console/inbox/batch.ts';
import type { CardAnswer } from '../../contract/cards.ts';
import { requirement, shownRequest } from './request/shown.ts';

type Card = CardAnswer['card'];

const answer = (card: { readonly [Key in keyof Card]?: unknown } = {}): CardAnswer =>
  ({ card: { ...shownRequest().card, ...card }, view_digest: 'sha256:view' }) as CardAnswer;

const rated = (tier: string) => ({ risk: { tier, reasons: [], facts: null } });

describe('a card is approved together with others', () => {
  it.each(['low', 'medium'])('where its risk is %s, grade C suffices and all of it is shown', (tier) => {
    expect(whyAlone(answer(rated(tier)))).toBeNull();
    expect(whyAlone(answer({ ...rated(tier), cut: { rows: 0, values: 0 } }))).toBeNull();
  });

  it.each(['C', 'D'] as const)('where the weakest evidence that counts is %s', (grade) => {
    expect(whyAlone(answer({ requirement: requirement({ minimum_grade: grade }) }))).toBeNull();
  });
});

describe('a card is approved alone, with the reason said', () => {
  it.each([
    ['high', 'Its risk is high'],
    ['critical', 'Its risk is critical'],
  ])('where its risk is %s', (tier, why) => {
    expect(whyAlone(answer(rated(tier)))).toBe(why);
  });

  it.each(['A', 'B'] as const)('where it takes evidence of grade %s', (grade) => {
    const card = { requirement: requirement({ minimum_grade: grade }) };
    expect(whyAlone(answer(card))).toContain(`grade ${grade}`);
  });

  it.each([
    { rows: 1, values: 0 },
    { rows: 0, values: 1 },
  ])('where something is cut: %o', (cut) => {
    expect(whyAlone(answer({ cut }))).toBe('Part of what changes is not shown');
  });

  it('where not all could be previewed, also where nothing is known about that', () => {
    const why = 'Not all that would happen could be previewed';
    expect(whyAlone(answer({ preview: { is_whole: false, warnings: [] } }))).toBe(why);
    expect(whyAlone(answer({ preview: null }))).toBe(why);
  });

  it.each(['risk', 'requirement', 'plan'])('where its reader does not see its %s', (part) => {
    expect(whyAlone(answer({ [part]: null }))).toBe('You may not see all of it');
  });
});

describe('a decision of a batch', () => {
  it('carries both digests of what was shown, and says that no part was opened', () => {
    expect(decisionOn(answer(), 'approve', '  ')).toEqual({
      id: 'req_1',
      decision_digest: 'sha256:decision',
      view_digest: 'sha256:view',
      opened: [],
      verdict: 'approve',
    });
    expect(decisionOn(answer(), 'deny', 'no')).toMatchObject({ verdict: 'deny', reason: 'no' });
  });

  it('needs a reason where any rule asks for one', () => {
    const [rule] = requirement().rules;
    expect(needsReason(answer())).toBe(false);
    const rules = rule ? [rule, { ...rule, is_reason_required: true }] : [];
    expect(needsReason(answer({ requirement: requirement({ rules }) }))).toBe(true);
  });
});
