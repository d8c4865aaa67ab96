import { describe, expect, it } from 'vitest';

import { answerRefusal, questionRefusal, limitRefusal } from '../../../domain/approval/questions.ts';
import { REQUEST_STATUSES } from '../../../domain/request/status.ts';

const HELD = new Date('2026-12-01T10:00:00Z');

function free(refusalOf: (status: (typeof REQUEST_STATUSES)[number]) => unknown): readonly string[] {
  return REQUEST_STATUSES.filter((status) => refusalOf(status) === null);
}

describe('a question', () => {
  it('can be asked while people decide, and while what they approved is held', () => {
    expect(free((status) => questionRefusal({ status, held_until: null }))).toEqual(['pending']);
    expect(free((status) => questionRefusal({ status, held_until: HELD }))).toEqual(['pending', 'approved']);
  });

  it('can be answered until the action starts or the request ends', () => {
    expect(free(answerRefusal)).toEqual(['planning', 'pending', 'approved']);
  });

  it('is one of five by a person and of twenty in all', () => {
    const others = Array.from({ length: 19 }, (_, n) => `per_${n}`);
    expect(limitRefusal(others, 'per_olga')).toBeNull();
    expect(limitRefusal([...others, 'per_19'], 'per_olga')?.message).toContain('20 questions were asked');
    const own = Array.from({ length: 4 }, () => 'per_olga');
    expect(limitRefusal(own, 'per_olga')).toBeNull();
    expect(limitRefusal([...own, 'per_olga'], 'per_olga')?.message).toContain('You asked 5');
    expect(limitRefusal([...own, 'per_olga'], 'per_dmitri')).toBeNull();
  });
});
