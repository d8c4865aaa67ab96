import { describe, expect, it } from 'vitest';

import { attemptOf, callOf, doneText, type Given } from '../../../apps/console/request/sending.ts';
import { shownRequest } from './shown.ts';

const GIVEN: Given = {
  reason: ' Matches. ',
  deferral: null,
  opened: ['effects', 'plan'],
  takesBack: null,
  proof: null,
};

describe('what is sent', () => {
  it('is bound to what is decided upon, to what was shown, and to what was opened', () => {
    expect(callOf('approve', shownRequest(), GIVEN)).toEqual({
      path: '/v1/requests/req_1/decisions',
      body: {
        verdict: 'approve',
        decision_digest: 'sha256:decision',
        view_digest: 'sha256:view',
        opened: ['effects', 'plan'],
        reason: 'Matches.',
      },
    });
  });

  it('has no reason where none was written', () => {
    expect(callOf('deny', shownRequest(), { ...GIVEN, reason: ' \n ' }).body).not.toHaveProperty('reason');
  });

  it('names until when, or which decision is taken back', () => {
    const deferral = { until: '2026-12-01T04:00:00.000Z' };
    expect(callOf('defer', shownRequest(), { ...GIVEN, deferral }).body).toMatchObject({ defer: deferral });
    expect(callOf('approve', shownRequest(), { ...GIVEN, deferral }).body).not.toHaveProperty('defer');
    expect(callOf('take_back', shownRequest(), { ...GIVEN, takesBack: 'dec_1' }).body).toMatchObject({
      verdict: 'take_back',
      takes_back: 'dec_1',
    });
  });

  it('withdraws with nothing but a reason', () => {
    expect(callOf('withdraw', shownRequest(), GIVEN)).toEqual({
      path: '/v1/requests/req_1/withdraw',
      body: { reason: 'Matches.' },
    });
  });
});

describe('what is sent again after a lost answer', () => {
  const first = attemptOf(null, callOf('approve', shownRequest(), GIVEN), () => 'first');

  it('is the same call under the same key, whatever was opened since', () => {
    const opened = ['effects', 'plan', 'risk', 'claims'] as const;
    const next = callOf('approve', shownRequest(), { ...GIVEN, opened });
    expect(attemptOf(first, next, () => 'second')).toBe(first);
  });

  it('is another call under another key where its person changed it', () => {
    const next = callOf('approve', shownRequest(), { ...GIVEN, reason: 'Another.' });
    expect(attemptOf(first, next, () => 'second')).toEqual({ ...next, idempotencyKey: 'second' });
    const denial = callOf('deny', shownRequest(), GIVEN);
    expect(attemptOf(first, denial, () => 'second').idempotencyKey).toBe('second');
  });
});

describe('what was done', () => {
  it('is said with how the request stands now', () => {
    const { request } = shownRequest({ request: { status: 'approved' } });
    const answer = { decision: { id: 'dec_1' }, request };
    expect(doneText('approve', { status: 200, answer: answer as never })).toBe(
      'Your approval is recorded. The request is now approved.',
    );
  });

  it('says that more people are needed where they are', () => {
    const { request } = shownRequest();
    const answer = { decision: { id: 'dec_1' }, request };
    expect(doneText('approve', { status: 200, answer: answer as never })).toContain('still waits for people');
  });

  it('is not said to be counted before it is', () => {
    const answer = { decision: { id: 'dec_1' }, state: 'queued, not counted yet' };
    expect(doneText('approve', { status: 202, answer: answer as never })).toContain('will be counted');
  });
});
