import { describe, expect, it } from 'vitest';

import type {
  ObservedPerson,
  ObservedRotation,
  PolledRotation,
} from '../../../domain/calendar/polled-rotation.ts';
import { checkDecision, unchangedDirectories } from '../../../domain/approval/decision.ts';
import type { DecidableRequest } from '../../../domain/approval/seats.ts';
import type { Directory } from '../../../domain/identity/directory.ts';
import type { PolledRotations } from '../../../domain/approval/on-call.ts';
import { shortagesOf } from '../../../domain/approval/satisfiable.ts';
import { by, factsWith, outcome, type Changes } from './decisions.ts';
import { approval, reviewBy, DIRECTORY, minutes, requirement, seats, stage } from '../examples.ts';

const PAGER = 'https://shop.pagerduty.example';

/** Everybody but Petra has an account at the service. */
const LINKED: Directory = {
  ...DIRECTORY,
  people: DIRECTORY.people.map((person) =>
    person.id === 'petra'
      ? person
      : { ...person, accounts: [...person.accounts, { issuer: PAGER, subject: `P-${person.id}` }] },
  ),
};

const ROTATION: PolledRotation = {
  id: 'sre',
  source: 'pager',
  schedule: 'P1A2B3C',
  maximum_staleness_ms: 10 * 60_000,
};

const request: Partial<DecidableRequest> = {
  requirement: requirement([reviewBy([stage(['oncall:sre'])])]),
};

function named(person: string, from = minutes(-60), to: string | null = null): ObservedPerson {
  return { issuer: PAGER, subject: `P-${person}`, from, to };
}

/** Observed every minute from an hour before the request until an hour after it; Olga is on call, Dmitri in the rotation. */
const OBSERVED: ObservedRotation = {
  source: 'pager',
  schedule: 'P1A2B3C',
  heard: [{ from: minutes(-60), to: minutes(60) }],
  members: [named('olga'), named('dmitri')],
  on_duty: [named('olga')],
};

function polled(observed: Partial<ObservedRotation> = {}, change: Partial<PolledRotations> = {}): Changes {
  return {
    request,
    now: LINKED,
    polled: {
      now: [ROTATION],
      at_creation: [ROTATION],
      observed: [{ ...OBSERVED, ...observed }],
      created_at: minutes(0),
      read_at: minutes(5),
      ...change,
    },
  };
}

function messageOf(changes: Changes): string {
  const result = checkDecision(factsWith(changes));
  return result.ok ? '' : result.message;
}

describe('a seat for who is on call by a service', () => {
  it('is filled by whom the service says is on call, and by nobody else of the rotation', () => {
    expect(outcome(polled())).toBe('ok');
    expect(outcome({ ...polled(), attempt: by('dmitri') })).toBe('not_eligible');
    expect(outcome({ ...polled(), attempt: by('omar') })).toBe('not_eligible');
  });

  it('passes on when the service says so, and going off call after the decision voids nothing', () => {
    const handedOver = {
      on_duty: [named('olga', minutes(-60), minutes(10)), named('dmitri', minutes(10))],
    };
    expect(outcome({ ...polled(handedOver), attempt: { at: minutes(9) } })).toBe('ok');
    expect(outcome({ ...polled(handedOver), attempt: { at: minutes(10) } })).toBe('not_eligible');
    expect(outcome({ ...polled(handedOver), attempt: by('dmitri', { at: minutes(10) }) })).toBe('ok');
  });

  it('is nobody’s who was not in the rotation when the request was made: nobody joins it to approve', () => {
    const joined = { members: [named('dmitri'), named('olga', minutes(1))] };
    expect(outcome(polled(joined))).toBe('not_eligible');
    const since = { members: [named('dmitri'), named('olga', minutes(0))] };
    expect(outcome(polled(since))).toBe('ok');
    const left = { members: [named('olga', minutes(-60), minutes(-1)), named('olga', minutes(1))] };
    expect(outcome(polled(left))).toBe('not_eligible');
  });

  it('is voided by leaving the rotation after the decision, no matter who was on call', () => {
    const left = { members: [named('olga', minutes(-60), minutes(20))] };
    expect(outcome(polled(left))).toBe('not_eligible');
  });

  it('is nobody’s in whose name an account is not linked, now and when the request was made', () => {
    const personOnCall = {
      members: [named('petra'), named('olga')],
      on_duty: [named('petra'), named('olga')],
    };
    expect(outcome({ ...polled(personOnCall), attempt: by('petra') })).toBe('not_eligible');
    expect(outcome({ ...polled(), now: DIRECTORY, atCreation: LINKED })).toBe('not_eligible');
    expect(outcome({ ...polled(), now: LINKED, atCreation: DIRECTORY })).toBe('not_eligible');
    const elsewhere = [{ issuer: 'https://other.example', subject: 'P-olga', from: minutes(-60), to: null }];
    expect(outcome(polled({ members: elsewhere, on_duty: elsewhere }))).toBe('not_eligible');
  });

  it('is nobody’s who is on call without being in the rotation', () => {
    expect(outcome(polled({ members: [named('dmitri')] }))).toBe('not_eligible');
  });

  it('never opens one’s own request', () => {
    const ada = { members: [named('ada')], on_duty: [named('ada')] };
    expect(outcome({ ...polled(ada), attempt: by('ada') })).toBe('self_approval');
  });

  it('may be that of the owners of the target', () => {
    const owned = {
      ...request,
      requirement: requirement([reviewBy([stage(['owners'])])]),
      owners: ['oncall:sre'],
    };
    expect(outcome({ ...polled(), request: owned, ownersAtCreation: ['oncall:sre'] })).toBe('ok');
    const silent = polled({ heard: [] });
    expect(outcome({ ...silent, request: owned, ownersAtCreation: ['oncall:sre'] })).toBe('on_call_unknown');
  });
});

describe('a service that is not heard any more', () => {
  const until = (end: number): Partial<ObservedRotation> => ({
    heard: [{ from: minutes(-60), to: minutes(end) }],
  });

  it('is believed for the maximum staleness, to the instant, and then nobody is on call', () => {
    expect(outcome({ ...polled(until(2)), attempt: { at: minutes(12) } })).toBe('ok');
    const late = { ...polled(until(2)), attempt: { at: '2026-11-22T08:12:00.001Z' } };
    expect(outcome(late)).toBe('on_call_unknown');
    expect(messageOf(late)).toContain('oncall:sre: its service last answered at 2026-11-22T08:02:00.000Z');
  });

  it('voids nothing that was decided while it was known who is on call', () => {
    expect(outcome({ ...polled(until(2)), attempt: { at: minutes(5) } })).toBe('ok');
    const again = { heard: [...(until(2).heard ?? []), { from: minutes(50), to: minutes(60) }] };
    expect(outcome({ ...polled(again), attempt: { at: minutes(12) } })).toBe('ok');
    expect(outcome({ ...polled(again), attempt: { at: minutes(30) } })).toBe('on_call_unknown');
    expect(outcome({ ...polled(again), attempt: { at: minutes(50) } })).toBe('ok');
  });

  it('makes nobody a reviewer of what was asked while nobody knew who was in the rotation', () => {
    const back = {
      heard: [
        { from: minutes(-60), to: minutes(-11) },
        { from: minutes(1), to: minutes(60) },
      ],
    };
    expect(outcome(polled(back))).toBe('on_call_unknown');
    expect(messageOf(polled(back))).toContain('when the request was made');
  });

  it('was never heard: says so, and lets nobody decide as being on call', () => {
    expect(outcome(polled({ heard: [] }))).toBe('on_call_unknown');
    expect(outcome(polled({}, { observed: [] }))).toBe('on_call_unknown');
    expect(messageOf(polled({}, { observed: [] }))).toContain('has never answered');
    expect(outcome({ ...polled(), attempt: { at: 'not an instant' } })).not.toBe('ok');
  });

  it('takes nothing from those who are asked besides, nor from an escalation that is due', () => {
    const either = { ...request, requirement: requirement([reviewBy([stage(['oncall:sre', 'group:dba'])])]) };
    const silent = polled({ heard: [] });
    expect(outcome({ ...silent, request: either, attempt: by('dmitri') })).toBe('ok');
    const escalate = [{ after_ms: 60_000, to: 'group:dba-leads' as const }];
    const widened = {
      ...request,
      requirement: requirement([reviewBy([stage(['oncall:sre'], 1, { escalate })])]),
    };
    expect(outcome({ ...silent, request: widened, attempt: by('petra', { at: minutes(5) }) })).toBe('ok');
  });

  it('tells the wrong person apart from the wrong moment', () => {
    const second = reviewBy([stage(['group:dba-leads'])], { rule: 'leads' });
    const both = { ...request, requirement: requirement([reviewBy([stage(['oncall:sre'])]), second]) };
    const decisions = [approval('petra', seats([1, 0]), { at: minutes(1) })];
    const silent = { ...polled({ heard: [] }), request: { ...both, decisions } };
    expect(outcome({ ...silent, attempt: by('omar') })).toBe('on_call_unknown');
    expect(outcome({ ...polled(), request: both, attempt: by('omar') })).toBe('not_eligible');
  });
});

describe('a policy that asks for who is on call by a service', () => {
  const rule = reviewBy([stage(['oncall:sre'], 2)], { rule: 'two' });

  function shortages(change: Partial<PolledRotations>) {
    const { polled: rotations } = polled({}, change);
    return shortagesOf({
      requirement: requirement([rule]),
      lineage: [{ role: 'requester', issuer: 'https://login.example', subject: 'agent-billing' }],
      owners: [],
      directories: {
        ...unchangedDirectories({ directory: LINKED, rotations: [] }, []),
        ...(rotations ? { polled: rotations } : {}),
      },
    });
  }

  it('says how many could be on call some day, and that what is not known is not enough', () => {
    expect(shortages({})).toEqual([]);
    expect(shortages({ read_at: minutes(120) })).toEqual([
      { rule: 'two', seats: 2, fillable: 0, unknown: ['oncall:sre'] },
    ]);
    const alone = { observed: [{ ...OBSERVED, members: [named('olga')] }] };
    expect(shortages(alone)).toEqual([{ rule: 'two', seats: 2, fillable: 1 }]);
  });

  it('knows nobody on call when it is looked at by itself', () => {
    const policy = { directory: LINKED, rotations: [], polled_rotations: [ROTATION] };
    const { polled: rotations } = unchangedDirectories(policy, []);
    expect(rotations && outcome({ ...polled({}, rotations) })).toBe('on_call_unknown');
  });
});
