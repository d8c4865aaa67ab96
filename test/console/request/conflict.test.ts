import { describe, expect, it } from 'vitest';

import { conflictOf } from '../../../apps/console/request/conflict.ts';

describe('what is said of a refused decision', () => {
  it('is in the words of the server, and what to do', () => {
    const stale = { code: 'decision_digest_stale', status: 409, detail: 'The request has changed.' };
    expect(conflictOf(stale)).toEqual({
      kind: 'changed',
      title: 'The request has changed',
      text: 'The request has changed. Nothing was decided, and your reason is kept. Read what changed, then decide again.',
    });
    expect(conflictOf({ ...stale, code: 'view_digest_stale' }).kind).toBe('changed');
  });

  it('tells what is over from what can be tried again', () => {
    const kindOf = (code: string, status: number) => conflictOf({ code, status, detail: 'Words.' }).kind;
    expect(kindOf('request_finished', 409)).toBe('over');
    expect(kindOf('already_decided', 409)).toBe('over');
    expect(kindOf('unauthenticated', 401)).toBe('signed_out');
    expect(kindOf('session_over', 401)).toBe('signed_out');
    expect(kindOf('rate_limited', 429)).toBe('retry');
    expect(kindOf('unavailable', 503)).toBe('retry');
    expect(kindOf('reason_required', 422)).toBe('fix');
  });

  it('keeps the words of a code that it does not know', () => {
    const text = 'Something new, and what to do.';
    expect(conflictOf({ code: 'brand_new', status: 409, detail: text }).text).toBe(text);
  });

  it('does not say that nothing happened where nobody knows', () => {
    expect(conflictOf(null)).toMatchObject({ kind: 'retry', text: expect.stringContaining('not known') });
  });
});
