import { describe, expect, it } from 'vitest';

import { changesBetween, isOtherSubject, newsOf } from '../../../apps/console/request/changes.ts';
import { decision, effect, shownRequest } from './shown.ts';

const texts = (seen = shownRequest(), now = shownRequest()) =>
  changesBetween(seen, now).map(({ text }) => text);

describe('what changed since the page was read', () => {
  it('is nothing where only the clock went on', () => {
    expect(texts()).toEqual([]);
    expect(isOtherSubject(shownRequest(), shownRequest())).toBe(false);
  });

  it('is another effect, told by its rows and by what has to be read again', () => {
    const now = shownRequest({
      viewDigest: 'sha256:other',
      card: { effects: [effect({ changed: 5 })] },
      request: { round: 2 },
    });
    expect(texts(shownRequest(), now)).toEqual([
      'It was planned again. This is round 2: approvals of round 1 do not count.',
      'It changes 5 rows now; when you read it, it changed 3.',
      'Read again: what it changes.',
    ]);
    expect(isOtherSubject(shownRequest(), now)).toBe(true);
  });

  it('is what somebody else decided, in their words, and that alone does not change the subject', () => {
    const now = shownRequest({ request: { decisions: [decision({ reason: 'Matches the ticket' })] } });
    expect(texts(shownRequest(), now)).toEqual(['Olga Petrenko approved it: “Matches the ticket”']);
    expect(isOtherSubject(shownRequest(), now)).toBe(false);
  });

  it('is an answer, for who asked', () => {
    const by = { kind: 'agent' } as const;
    const question = {
      id: 'qst_1',
      text: 'Why?',
      round: 1,
      at: '2026-12-01T03:00:00.000Z',
      by,
      answer: null,
    };
    const answered = { ...question, answer: { text: 'So', at: question.at, by } };
    const [open, done] = [question, answered].map((one) => shownRequest({ request: { questions: [one] } }));
    expect(texts(shownRequest(), open)).toEqual([]);
    expect(texts(open, done)).toEqual(['A question was answered: see Questions.']);
  });

  it('is the end of it', () => {
    const now = shownRequest({
      request: { status: 'denied', decisions: [decision({ verdict: 'deny' })] },
    });
    expect(texts(shownRequest(), now)).toEqual([
      'It was pending and is now denied.',
      'Olga Petrenko denied it.',
    ]);
    expect(isOtherSubject(shownRequest(), now)).toBe(true);
  });

  it('is no news to who did it, nor once it is decided', () => {
    const now = shownRequest({ request: { decisions: [decision({})] } });
    expect(newsOf(shownRequest(), now, 'olga')).toEqual([]);
    expect(newsOf(shownRequest(), now, 'dmitri')).toHaveLength(1);
    const [approved, done] = ['approved', 'succeeded'].map((status) =>
      shownRequest({ request: { status } as never }),
    );
    expect(approved && done && newsOf(approved, done, 'dmitri')).toEqual([]);
  });

  it('leaves out decisions that do not count', () => {
    const now = shownRequest({ request: { decisions: [decision({ outcome: 'refused' })] } });
    expect(texts(shownRequest(), now)).toEqual([]);
  });
});
