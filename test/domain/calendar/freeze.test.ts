import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { freezeAt, freezeEnd, type FreezeWindow } from '../../../domain/calendar/freeze.ts';
import { iso } from './examples.ts';

const PROD = { environment: 'prod', action: 'postgres.execute' };

/** In force for a span written `from/to`, to the minute in UTC. */
function freeze(id: string, span: string, changes: Partial<FreezeWindow> = {}): FreezeWindow {
  const [from, to] = span.split('/');
  return {
    id,
    title: id,
    from: `${from}:00.000Z`,
    to: `${to}:00.000Z`,
    environments: null,
    actions: null,
    ...changes,
  };
}

const YEAR_END = freeze('year-end', '2026-12-19T23:00/2027-01-04T05:00', { environments: ['prod'] });

const idsAt = (freezes: readonly FreezeWindow[], at: string, subject = PROD): readonly string[] =>
  freezeAt(freezes, subject, at).map(({ id }) => id);

it('is in force from its first instant to before its last', () => {
  expect(idsAt([YEAR_END], '2026-12-19T22:59:59.999Z')).toEqual([]);
  expect(idsAt([YEAR_END], YEAR_END.from)).toEqual(['year-end']);
  expect(idsAt([YEAR_END], '2027-01-04T04:59:59.999Z')).toEqual(['year-end']);
  expect(idsAt([YEAR_END], YEAR_END.to)).toEqual([]);
});

it('is about the environments and actions it names, and about all when it names none', () => {
  const at = '2026-12-24T12:00:00.000Z';
  const action = freeze('action', '2026-12-24T00:00/2026-12-25T00:00', { actions: ['host.restart'] });
  const both = freeze('both', '2026-12-24T00:00/2026-12-25T00:00', {
    environments: ['staging'],
    actions: ['postgres.execute'],
  });
  const all = freeze('all', '2026-12-24T00:00/2026-12-25T00:00');
  const freezes = [YEAR_END, action, both, all];
  expect(idsAt(freezes, at)).toEqual(['year-end', 'all']);
  expect(idsAt(freezes, at, { environment: 'staging', action: 'postgres.execute' })).toEqual(['both', 'all']);
  expect(idsAt(freezes, at, { environment: 'staging', action: 'host.restart' })).toEqual(['action', 'all']);
});

it('ends when no freeze is in force any more: through those that overlap or follow at once', () => {
  const chain = [
    freeze('third', '2026-12-27T00:00/2026-12-28T00:00'),
    freeze('first', '2026-12-24T00:00/2026-12-26T00:00'),
    freeze('second', '2026-12-25T00:00/2026-12-27T00:00'),
    freeze('later', '2026-12-28T00:01/2026-12-29T00:00'),
    freeze('elsewhere', '2026-12-28T00:00/2026-12-30T00:00', { environments: ['staging'] }),
  ];
  expect(freezeEnd(chain, PROD, '2026-12-24T10:00:00.000Z')).toBe('2026-12-28T00:00:00.000Z');
  expect(freezeEnd(chain, PROD, '2026-12-28T00:00:00.000Z')).toBeNull();
  expect(freezeEnd([], PROD, '2026-12-28T00:00:00.000Z')).toBeNull();
});

it('is never over by mistake: an instant that cannot be read is an error', () => {
  expect(() => freezeAt([YEAR_END], PROD, 'now')).toThrow(RangeError);
  expect(() => freezeEnd([YEAR_END], PROD, '')).toThrow(RangeError);
});

it('ends at the first instant from which nothing is in force, with something in force all the time before', () => {
  const anyFreezes = fc.array(
    fc.record({ from: fc.integer({ min: 0, max: 60 }), length: fc.integer({ min: 1, max: 20 }) }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(anyFreezes, fc.integer({ min: 0, max: 60 }), (spans, start) => {
      const freezes = spans.map(({ from, length }, index) => ({
        ...YEAR_END,
        id: String(index),
        from: iso(from),
        to: iso(from + length),
      }));
      const isFrozen = (ms: number): boolean => idsAt(freezes, iso(ms)).length > 0;
      const end = freezeEnd(freezes, PROD, iso(start));
      expect(isFrozen(start)).toBe(end !== null);
      if (end === null) return;
      expect(isFrozen(Date.parse(end))).toBe(false);
      for (let ms = start; ms < Date.parse(end); ms += 1) expect(isFrozen(ms)).toBe(true);
    }),
  );
});
