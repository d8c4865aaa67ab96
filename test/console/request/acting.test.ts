import { describe, expect, it } from 'vitest';

import { offerOf } from '../../../apps/console/request/acting.ts';
import type { Refusals } from '../../../apps/console/request/view.ts';
import { decision, shownRequest } from './shown.ts';

const NO = { code: 'forbidden', detail: 'No.' };
const FREE: Refusals = { approve: null, deny: null, defer: null, withdraw: NO, ask: null, answer: NO };
const request = (wanted = {}) => shownRequest({ request: wanted }).request;

describe('what is offered', () => {
  it('is what the server would not refuse', () => {
    expect(offerOf(request(), FREE, 'olga')).toEqual({
      acts: ['approve', 'deny', 'defer'],
      takesBack: null,
      because: null,
    });
  });

  it('is to withdraw, and why no more, for those behind the request', () => {
    const self = { code: 'self_approval', detail: 'Nobody decides their own request.' };
    const refusals = { approve: self, deny: self, defer: self, withdraw: null, ask: NO, answer: null };
    expect(offerOf(request(), refusals, 'ada')).toEqual({
      acts: ['withdraw'],
      takesBack: null,
      because: 'Nobody decides their own request. You can withdraw it.',
    });
  });

  it('is to take back an approval of this round, until it starts', () => {
    const already = { code: 'already_decided', detail: 'You have already decided this request.' };
    const decided = (wanted = {}) => request({ decisions: [decision(wanted)], ...wanted });
    const offer = offerOf(decided(), { ...FREE, approve: already }, 'olga');
    expect(offer).toMatchObject({ acts: ['deny', 'defer', 'take_back'], takesBack: 'dec_1' });
    expect(offer.because).toContain('take that back');
    expect(offerOf(decided(), FREE, 'dmitri').takesBack).toBeNull();
    expect(offerOf(request({ decisions: [decision({ round: 0 })] }), FREE, 'olga').takesBack).toBeNull();
    for (const status of ['executing', 'succeeded', 'denied'])
      expect(offerOf(request({ status, decisions: [decision({})] }), FREE, 'olga').takesBack).toBeNull();
  });

  it('is not to take back what a denial followed', () => {
    const decisions = [decision({}), decision({ id: 'dec_2', verdict: 'deny' })];
    expect(offerOf(request({ decisions }), FREE, 'olga').takesBack).toBeNull();
  });

  it('says nothing where nobody decides any more', () => {
    const over = { code: 'request_finished', detail: 'The request is over.' };
    const refusals = { approve: over, deny: over, defer: over, withdraw: over, ask: over, answer: NO };
    expect(offerOf(request({ status: 'succeeded' }), refusals, 'olga')).toEqual({
      acts: [],
      takesBack: null,
      because: null,
    });
  });
});
