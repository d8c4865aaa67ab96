import { describe, expect, it } from 'vitest';

import { classifyChange } from '../../domain/policy-diff/diff.ts';
import { policyOf, problemsOf, VALID, withLine, type Files, type Mistake } from './policy-folder.ts';

/** The valid settings with these rotations; the first is line 11. */
function oncall(...lines: readonly string[]): Files {
  return {
    'keyturn.yaml': [VALID['keyturn.yaml'].trimEnd(), 'selectors:', '  oncall:', ...lines, ''].join('\n'),
  };
}

const PAGER = '{ source: pager, schedule: P1A2B3C, maximum_staleness: 10m }';
const WRITTEN =
  '{ time_zone: Europe/Berlin, hand_over: { day: mon, time: 09:00 }, starts_on: 2026-01-05, people: [olga] }';

describe('a rotation that a service keeps', () => {
  it('is compiled beside those that are written out, and selectors name it alike', async () => {
    const policy = await policyOf({
      ...oncall(`    sre: ${PAGER}`, `    dba: ${WRITTEN}`, `    net: ${PAGER.replace('P1A2B3C', 'x')}`),
      ...withLine('rules/sql.yaml', 6, '      stages: [{ any: [oncall:sre, oncall:dba], quorum: 1 }]'),
    });
    expect(policy.polled_rotations).toEqual([
      { id: 'net', source: 'pager', schedule: 'x', maximum_staleness_ms: 600_000 },
      { id: 'sre', source: 'pager', schedule: 'P1A2B3C', maximum_staleness_ms: 600_000 },
    ]);
    expect(policy.rotations.map(({ id }) => id)).toEqual(['dba']);
    expect(policy.rules[0]?.require?.stages[0]?.any).toEqual(['oncall:sre', 'oncall:dba']);
  });

  it('leaves a policy without one as it was: the digest of what is stored must not change', async () => {
    expect(await policyOf(oncall(`    dba: ${WRITTEN}`))).not.toHaveProperty('polled_rotations');
    expect(await policyOf({})).not.toHaveProperty('polled_rotations');
  });

  it('is loosening where it is added, edited or gone: who decides cannot be seen from the structure', async () => {
    const [without, kept, other] = [
      await policyOf({}),
      await policyOf(oncall(`    sre: ${PAGER}`)),
      await policyOf(oncall(`    sre: ${PAGER.replace('10m', '5m')}`)),
    ];
    for (const [base, candidate] of [
      [without, kept],
      [kept, without],
      [kept, other],
    ] as const)
      expect(classifyChange(base, candidate).kind).toBe('loosening');
  });

  it.each(['time_zone', 'hand_over', 'starts_on', 'people', 'overrides'])(
    'is refused with %s of its own',
    async (key) => {
      const both = oncall(`    sre: { source: pager, schedule: P1, maximum_staleness: 10m, ${key}: [olga] }`);
      const why = 'the service says who is on call: write a rotation out, or name its source';
      expect(await problemsOf(both)).toEqual([`keyturn.yaml:11:65 ${key}: ${why}`]);
    },
  );

  it.each<Mistake>([
    [
      'a key that nothing has',
      oncall('    sre: { source: pager, schedule: P1, maximum_staleness: 10m, url: x }'),
      "keyturn.yaml:11:65 unknown key 'url'",
    ],
    [
      'a part that is missing',
      oncall('    sre: { source: pager }'),
      "keyturn.yaml:11:10 missing 'schedule', 'maximum_staleness'",
    ],
    [
      'trust for less time than two polls take',
      oncall(`    sre: ${PAGER.replace('10m', '119s')}`),
      'keyturn.yaml:11:65 not from 2m to 24h',
    ],
    [
      'trust for longer than a day',
      oncall(`    sre: ${PAGER.replace('10m', '25h')}`),
      'keyturn.yaml:11:65 not from 2m to 24h',
    ],
    [
      'trust for no duration',
      oncall(`    sre: ${PAGER.replace('10m', 'ever')}`),
      "keyturn.yaml:11:65 'ever' is not a duration: 90s, 15m, 4h, 2d or PT15M, more than zero, up to a year",
    ],
    [
      'a source that is an address',
      oncall(`    sre: ${PAGER.replace('pager', 'https://pager.example')}`),
      "keyturn.yaml:11:20 'https://pager.example' is not a name: lower-case letters, digits, and . _ - inside",
    ],
    [
      'a schedule that leads elsewhere',
      oncall(`    sre: ${PAGER.replace('P1A2B3C', '../users')}`),
      "keyturn.yaml:11:37 '../users' is not the id of a schedule: letters, digits, and . _ - inside",
    ],
    [
      'a schedule that has a rotation',
      oncall(`    sre: ${PAGER}`, `    dba: ${PAGER.replace('10m', '1h')}`),
      "keyturn.yaml:12:10 duplicate schedule 'P1A2B3C' (first at keyturn.yaml:11)",
    ],
    [
      'the name of another rotation',
      oncall(`    sre: ${PAGER}`, `    sre: ${WRITTEN}`),
      "keyturn.yaml:12:5 duplicate key 'sre' (first at keyturn.yaml:11)",
    ],
  ])('is refused for %s', async (_what, changes, problem) => {
    expect(await problemsOf(changes)).toEqual([problem]);
  });
});
