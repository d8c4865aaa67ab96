import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { checkDecision } from '../../../domain/approval/decision.ts';
import type { Directory } from '../../../domain/identity/directory.ts';
import { tally, type CountedDecision, type TallyFacts } from '../../../domain/approval/quorum.ts';
import { isGradeSufficient } from '../../../domain/request/requirement.ts';
import { standingRequest, tallyFactsOf } from '../../../domain/approval/seats.ts';
import { by, factsWith } from './decisions.ts';
import {
  anyCase,
  reviewBy,
  DIRECTORY,
  MINUTE_MS,
  minutes,
  requirement,
  sorted,
  stage,
  START,
  tallyFacts,
} from '../examples.ts';

/** Cases whose seats open to people some minutes after their stage did. */
const anyDelayed = anyCase().chain(({ required, decisions }) =>
  fc
    .record({
      now: fc.integer({ min: 0, max: 90 }),
      delays: fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 12, maxLength: 12 }),
    })
    .map(({ now, delays }) =>
      tallyFacts(
        required,
        decisions.map((decision, at) => ({
          ...decision,
          seats: decision.seats.map((seat, index) => {
            const minutesLater = delays[(at * 3 + index) % delays.length] ?? 0;
            return minutesLater < 40 ? seat : { ...seat, after_ms: minutesLater * MINUTE_MS };
          }),
        })),
        minutes(now),
      ),
    ),
);

/** Who holds a seat that is open and open to them. Written without the code under test. */
function seated(facts: TallyFacts): readonly string[] {
  const nowMs = Date.parse(facts.now);
  const found = facts.decisions.filter(({ verdict, at, grade, seats }) =>
    seats.some((seat) => {
      const rule = facts.requirement.rules[seat.rule];
      const openedAt = tally(facts).rules[seat.rule]?.[seat.stage]?.opened_at ?? null;
      if (!rule || openedAt === null || verdict !== 'approve') return false;
      const isFresh = Date.parse(at) + rule.maximum_age_ms > nowMs;
      const isOpen = seat.after_ms === undefined || Date.parse(openedAt) + seat.after_ms <= nowMs;
      return isFresh && isOpen && isGradeSufficient(grade, rule.minimum_grade);
    }),
  );
  return sorted(new Set(found.map(({ person }) => person)));
}

describe('people are counted', () => {
  it('by seats that are open, and open to them by now, and never by one that opens later', () => {
    fc.assert(
      fc.property(anyDelayed, (facts) => {
        const standing = tally(facts);
        expect(sorted(standing.people)).toEqual(seated(facts));
        const isShort = seated(facts).length < facts.requirement.distinct_people;
        if (isShort) expect(standing.standing).not.toBe('approved');
      }),
      { numRuns: 500 },
    );
  });

  it('no more once they left the group of the seat that was theirs', () => {
    const later = { escalate: [{ after_ms: 180 * MINUTE_MS, to: 'group:dba-leads' as const }] };
    const lasting = { maximum_age_ms: 24 * 60 * MINUTE_MS };
    const required = requirement(
      [
        reviewBy([stage(['group:leads-a'])], { rule: 'a', ...lasting }),
        reviewBy([stage(['group:dba'], 1, later)], { rule: 'b', ...lasting }),
      ],
      { distinct_people: 2 },
    );
    const atCreation = withLeads('petra', 'olga');
    const decisions: CountedDecision[] = [];
    for (const [person, minute] of [
      ['petra', 1],
      ['olga', 2],
    ] as const) {
      const attempt = by(person, { at: minutes(minute) });
      const request = { requirement: required, decisions: [...decisions], expires_at: minutes(900) };
      const check = checkDecision(factsWith({ request, attempt, now: atCreation }));
      if (!check.ok) throw new Error(check.code);
      const counted = { person, verdict: 'approve', at: minutes(minute), grade: 'C' } as const;
      decisions.push({ ...counted, id: `dec_${person}`, seats: check.seats });
    }
    const { request, directories } = factsWith({
      request: { requirement: required, decisions },
      now: withLeads('olga'),
      atCreation,
    });
    const standing = (now: string) => tally(tallyFactsOf(standingRequest(request, directories), now));
    expect(standing(minutes(10))).toMatchObject({ standing: 'pending', people: ['olga'] });
    // By then the seat of the other rule has escalated to her.
    expect(standing(minutes(180))).toMatchObject({ standing: 'approved', people: ['petra', 'olga'] });
    expect(request.pending_since).toBe(START);
  });
});

function withLeads(...members: readonly string[]): Directory {
  return { ...DIRECTORY, groups: [...DIRECTORY.groups, { id: 'leads-a', members, groups: [] }] };
}
