import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { openSelectors } from '../../../domain/approval/open-selectors.ts';
import { requiredSelectors } from '../../../domain/approval/decision.ts';
import type { DecidableRequest } from '../../../domain/approval/seats.ts';
import { REQUEST } from './decisions.ts';
import {
  anyRuleRequirement,
  approval,
  reviewBy,
  MINUTE_MS,
  minutes,
  requirement,
  seats,
  sorted,
  stage,
} from '../examples.ts';

/** Administrators first, leads after half an hour; then an owner, and in the end one person. */
const LADDER: DecidableRequest = {
  ...REQUEST,
  requirement: requirement([
    reviewBy(
      [
        stage(['group:dba'], 1, { escalate: [{ after_ms: 30 * MINUTE_MS, to: 'group:dba-leads' }] }),
        stage(['owners'], 1, { escalate: [{ after_ms: 60 * MINUTE_MS, to: 'user:petra' }] }),
      ],
      { order: 'sequential' },
    ),
  ]),
};

const usual = (request: DecidableRequest, minute: number): string[] =>
  openSelectors(request, { now: minutes(minute), isBreakGlass: false });

describe('who is notified of a pending request', () => {
  it('are those whose turn it is, and whom it escalated to', () => {
    expect(usual(LADDER, 1)).toEqual(['group:dba']);
    expect(usual(LADDER, 30)).toEqual(['group:dba', 'group:dba-leads']);
  });

  it('are those of the next stage once the one before is filled, owners spelled out', () => {
    const request = { ...LADDER, decisions: [approval('olga', seats([0, 0]))] };
    expect(usual(request, 10)).toEqual(['group:shop-owners']);
  });

  it('are everybody who could decide again when all seats are taken and the tier asks for more people', () => {
    const request = {
      ...REQUEST,
      requirement: requirement([reviewBy([stage(['group:dba'])])], { distinct_people: 2 }),
      decisions: [approval('olga', seats([0, 0]))],
    };
    expect(usual(request, 10)).toEqual(['group:dba']);
  });
});

describe('who is notified of a break-glass request', () => {
  it('is the whole ladder from the first instant: later stages, escalations, owners spelled out', () => {
    const open = openSelectors(LADDER, { now: minutes(0), isBreakGlass: true });
    expect(open).toEqual(['group:dba', 'group:dba-leads', 'group:shop-owners', 'user:petra']);
  });

  it('stays the same while it is decided', () => {
    const request = { ...LADDER, decisions: [approval('olga', seats([0, 0]))] };
    const open = openSelectors(request, { now: minutes(10), isBreakGlass: true });
    expect(open).toEqual(openSelectors(LADDER, { now: minutes(0), isBreakGlass: true }));
  });

  it('is nobody whom the requirement does not name, and always those who are asked anyway', () => {
    fc.assert(
      fc.property(
        fc.array(anyRuleRequirement, { minLength: 1, maxLength: 3 }),
        fc.nat(300),
        (rules, minute) => {
          const request = { ...REQUEST, requirement: requirement(rules) };
          const open = openSelectors(request, { now: minutes(minute), isBreakGlass: true });
          const named = requiredSelectors(request).flatMap((one) =>
            one === 'owners' ? request.owners : [one],
          );
          expect(open).toEqual(sorted(new Set<string>(named)));
          expect(open).toEqual(expect.arrayContaining(usual(request, minute)));
        },
      ),
    );
  });
});
