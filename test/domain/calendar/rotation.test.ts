import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  personOnCall,
  rotationMembers,
  rotationStartMs,
  type Rotation,
} from '../../../domain/calendar/rotation.ts';
import { WEEKDAYS } from '../../../domain/calendar/wall-clock.ts';
import { anyZone, HOUR_MS, iso, ROTATION, WEEK_DAY_MS } from './examples.ts';

const PETRA = { from: '2026-01-07T08:00:00.000Z', to: '2026-01-08T08:00:00.000Z', person: 'petra' };

describe('a rotation', () => {
  it('gives each person a week, in turn, from hand-over to hand-over', () => {
    expect(personOnCall(ROTATION, '2026-01-05T08:00:00.000Z')).toBe('olga');
    expect(personOnCall(ROTATION, '2026-01-12T07:59:59.999Z')).toBe('olga');
    expect(personOnCall(ROTATION, '2026-01-12T08:00:00.000Z')).toBe('dmitri');
    expect(personOnCall(ROTATION, '2026-01-19T08:00:00.000Z')).toBe('omar');
    expect(personOnCall(ROTATION, '2026-01-26T08:00:00.000Z')).toBe('olga');
  });

  it('has nobody on call before it starts, not even by an override', () => {
    expect(personOnCall(ROTATION, '2026-01-05T07:59:59.999Z')).toBeNull();
    const early = { ...PETRA, from: '2026-01-01T00:00:00.000Z' };
    expect(personOnCall({ ...ROTATION, overrides: [early] }, '2026-01-02T00:00:00.000Z')).toBeNull();
  });

  it('hands over at the same wall time in summer, which is another instant', () => {
    expect(personOnCall(ROTATION, '2026-07-06T06:59:59.999Z')).toBe('dmitri');
    expect(personOnCall(ROTATION, '2026-07-06T07:00:00.000Z')).toBe('omar');
  });

  it('lets somebody stand in, from the first instant of the override to before its last', () => {
    const rotation = { ...ROTATION, overrides: [PETRA] };
    expect(personOnCall(rotation, '2026-01-07T07:59:59.999Z')).toBe('olga');
    expect(personOnCall(rotation, PETRA.from)).toBe('petra');
    expect(personOnCall(rotation, '2026-01-08T07:59:59.999Z')).toBe('petra');
    expect(personOnCall(rotation, PETRA.to)).toBe('olga');
  });

  it('has as members its people and those who stand in', () => {
    expect([...rotationMembers({ ...ROTATION, overrides: [PETRA] })]).toEqual([
      'olga',
      'dmitri',
      'omar',
      'petra',
    ]);
  });

  it('hands over once in a night in which the clock shows the time twice', () => {
    const rotation: Rotation = {
      ...ROTATION,
      hand_over: { day: 'sun', time: '02:30' },
      starts_on: '2026-10-18',
    };
    expect(personOnCall(rotation, '2026-10-25T00:29:59.999Z')).toBe('olga');
    // 02:30 for the first time; 02:00 again, before the second 02:30; after it.
    for (const at of ['00:30', '01:00', '01:29', '01:30', '03:00']) {
      expect(personOnCall(rotation, `2026-10-25T${at}:00.000Z`), at).toBe('dmitri');
    }
  });

  it('starts once, too, in such a night', () => {
    const rotation: Rotation = {
      ...ROTATION,
      hand_over: { day: 'sun', time: '02:30' },
      starts_on: '2026-10-25',
    };
    expect(iso(rotationStartMs(rotation))).toBe('2026-10-25T00:30:00.000Z');
    expect(personOnCall(rotation, '2026-10-25T00:29:00.000Z')).toBeNull();
    expect(personOnCall(rotation, '2026-10-25T01:10:00.000Z')).toBe('olga');
  });

  it('hands over when the clock is put forward over the time', () => {
    const rotation: Rotation = {
      ...ROTATION,
      hand_over: { day: 'sun', time: '02:30' },
      starts_on: '2026-03-22',
    };
    expect(personOnCall(rotation, '2026-03-29T00:59:59.999Z')).toBe('olga');
    expect(personOnCall(rotation, '2026-03-29T01:00:00.000Z')).toBe('dmitri');
  });

  it('counts the week that lost a day in Apia as a turn', () => {
    const rotation: Rotation = {
      ...ROTATION,
      time_zone: 'Pacific/Apia',
      hand_over: { day: 'fri', time: '09:00' },
      starts_on: '2011-12-23',
    };
    expect(personOnCall(rotation, '2011-12-30T09:59:59.999Z')).toBe('olga');
    expect(personOnCall(rotation, '2011-12-30T10:00:00.000Z')).toBe('dmitri');
    expect(personOnCall(rotation, '2012-01-05T19:00:00.000Z')).toBe('omar');
  });

  it('answers for no instant that cannot be read', () => {
    expect(() => personOnCall(ROTATION, 'now')).toThrow(RangeError);
  });
});

const PEOPLE = ['olga', 'dmitri', 'omar', 'petra'] as const;

const anyRotation: fc.Arbitrary<Rotation> = fc
  .record({
    zone: anyZone,
    start: fc.integer({ min: 10_957, max: 25_000 }),
    hour: fc.integer({ min: 0, max: 23 }),
    half: fc.constantFrom('00', '30'),
    people: fc.uniqueArray(fc.constantFrom(...PEOPLE), { minLength: 1 }),
  })
  .map(({ zone, start, hour, half, people }) => ({
    ...ROTATION,
    time_zone: zone,
    hand_over: { day: WEEKDAYS[(start + 3) % 7] ?? 'mon', time: `${String(hour).padStart(2, '0')}:${half}` },
    starts_on: iso(start * WEEK_DAY_MS).slice(0, 10),
    people,
    overrides: [
      { from: iso((start + 9) * WEEK_DAY_MS), to: iso((start + 11) * WEEK_DAY_MS), person: 'stand-in' },
    ],
  }));

it('always names one of its people or a stand-in once it has started, and nobody before', () => {
  fc.assert(
    fc.property(anyRotation, fc.integer({ min: -200, max: 100_000 }), (rotation, hours) => {
      const startMs = rotationStartMs(rotation);
      const person = personOnCall(rotation, iso(startMs + hours * HOUR_MS));
      if (hours < 0) expect(person).toBeNull();
      else expect(rotationMembers(rotation)).toContain(person);
    }),
  );
});

it('hands over once a week and never back', () => {
  fc.assert(
    fc.property(anyRotation, fc.integer({ min: 0, max: 500 }), (rotation, week) => {
      const plain = { ...rotation, people: PEOPLE, overrides: [] };
      const fromMs = rotationStartMs(plain) + week * 7 * WEEK_DAY_MS - 36 * HOUR_MS;
      const turns = Array.from({ length: 144 }, (_, index) =>
        personOnCall(plain, iso(fromMs + (index * HOUR_MS) / 2)),
      );
      const changes = turns.filter((person, index) => index > 0 && person !== turns[index - 1]);
      expect(changes.length).toBe(1);
    }),
    { numRuns: 50 },
  );
});
