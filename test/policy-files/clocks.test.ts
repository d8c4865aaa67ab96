import { describe, expect, it } from 'vitest';

import { policyOf, problemsOf, VALID, withLine, type Files, type Mistake } from './policy-folder.ts';

/** The valid settings with these lines after them; the first is line 9. */
function settings(...lines: readonly string[]): Files {
  return {
    'keyturn.yaml': [VALID['keyturn.yaml'].trimEnd(), '', ...lines, ''].join('\n').replace('\n\n', '\n'),
  };
}

const WEEK = 'week: { mon-fri: [09:00-17:30] }';

/** A calendar with this line in place of its week, on line 12. */
function calendar(line: string, zone = 'Europe/Berlin'): Files {
  return settings('calendars:', '  office:', `    time_zone: ${zone}`, `    ${line}`);
}

/** A freeze on line 14, in the time of the calendar above it. */
function freeze(text: string): Files {
  return settings(
    'calendars:',
    '  office:',
    '    time_zone: Europe/Berlin',
    `    ${WEEK}`,
    'freezes:',
    `  - ${text}`,
  );
}

const YEAR_END = 'id: year-end, title: Year-end freeze';
const SPAN = 'from: 2026-12-20T00:00, to: 2027-01-04T06:00';

/** A rotation with some of its lines (from line 12 on) changed. */
function rotation(changes: Readonly<Record<string, string | null>> = {}): Files {
  const fields: Readonly<Record<string, string | null>> = {
    time_zone: 'Europe/Berlin',
    hand_over: '{ day: mon, time: 09:00 }',
    starts_on: '2026-01-05',
    people: '[olga, ada]',
    ...changes,
  };
  const lines = Object.entries(fields).map(([key, text]) => (text === null ? '' : `      ${key}: ${text}`));
  return settings('selectors:', '  oncall:', '    sre:', ...lines);
}

const OVERRIDE = 'from: 2026-11-24T09:00, to: 2026-11-25T09:00, person: ada';

describe('calendars, freezes and rotations', () => {
  it('are compiled: sorted, with absolute instants, days and weeks written out', async () => {
    const policy = await policyOf(
      settings(
        'calendars:',
        '  office:',
        '    time_zone: Europe/Berlin',
        '    week: { mon-wed: [13:00-17:30, 09:00-12:00], sat: [22:00-24:00] }',
        '    holidays: [2026-12-26, 2026-12-25]',
        '  desk: { time_zone: Asia/Kolkata, week: { sun: [00:00-06:00] } }',
        'freezes:',
        `  - { ${YEAR_END}, calendar: office, ${SPAN}, environments: [prod] }`,
        '  - { id: move, title: Move, from: 2026-12-20T00:00+01:00, to: 2026-12-20T00:00:30Z, actions: [postgres.execute] }',
        'selectors:',
        '  oncall:',
        '    sre:',
        '      time_zone: Europe/Berlin',
        '      hand_over: { day: mon, time: 09:00 }',
        '      starts_on: 2026-01-05',
        '      people: [olga, ada]',
        '      overrides:',
        '        - { from: 2026-07-24T09:00, to: 2026-07-25T09:00, person: ada }',
        `        - { from: 2026-01-24T09:00, to: 2026-01-24T09:00:30, person: olga }`,
      ),
    );
    const day = [
      { from: '09:00', to: '12:00' },
      { from: '13:00', to: '17:30' },
    ];
    expect(policy.calendars).toEqual([
      {
        id: 'desk',
        time_zone: 'Asia/Kolkata',
        week: {
          mon: [],
          tue: [],
          wed: [],
          thu: [],
          fri: [],
          sat: [],
          sun: [{ from: '00:00', to: '06:00' }],
        },
        holidays: [],
      },
      {
        id: 'office',
        time_zone: 'Europe/Berlin',
        week: {
          mon: day,
          tue: day,
          wed: day,
          thu: [],
          fri: [],
          sat: [{ from: '22:00', to: '24:00' }],
          sun: [],
        },
        holidays: ['2026-12-25', '2026-12-26'],
      },
    ]);
    expect(policy.freezes).toEqual([
      {
        id: 'move',
        title: 'Move',
        from: '2026-12-19T23:00:00.000Z',
        to: '2026-12-20T00:00:30.000Z',
        environments: null,
        actions: ['postgres.execute'],
      },
      {
        id: 'year-end',
        title: 'Year-end freeze',
        from: '2026-12-19T23:00:00.000Z',
        to: '2027-01-04T05:00:00.000Z',
        environments: ['prod'],
        actions: null,
      },
    ]);
    expect(policy.rotations).toEqual([
      {
        id: 'sre',
        time_zone: 'Europe/Berlin',
        hand_over: { day: 'mon', time: '09:00' },
        starts_on: '2026-01-05',
        people: ['olga', 'ada'],
        overrides: [
          { from: '2026-01-24T08:00:00.000Z', to: '2026-01-24T08:00:30.000Z', person: 'olga' },
          { from: '2026-07-24T07:00:00.000Z', to: '2026-07-25T07:00:00.000Z', person: 'ada' },
        ],
      },
    ]);
  });

  it('are none when the settings do not speak of them', async () => {
    expect(await policyOf({})).toMatchObject({ calendars: [], freezes: [], rotations: [] });
  });

  it('may touch: an interval, and an override, may begin when another ends', async () => {
    expect(await problemsOf(calendar('week: { mon: [09:00-12:00, 12:00-17:00] }'))).toEqual([]);
    const two =
      '[{ from: 2026-11-24T09:00, to: 2026-11-25T09:00, person: ada }, { from: 2026-11-25T09:00, to: 2026-11-26T09:00, person: olga }]';
    expect(await problemsOf(rotation({ overrides: two }))).toEqual([]);
  });

  it('let selectors name who is on call: in rules, in the default and as owners', async () => {
    const rule = withLine('rules/sql.yaml', 6, '      stages: [{ any: [oncall:sre], quorum: 1 }]');
    const owners = withLine('targets/shop.yaml', 5, 'owners: [oncall:sre]');
    const { 'keyturn.yaml': text } = rotation();
    const everywhere = { 'keyturn.yaml': String(text).replace('any: [owners]', 'any: [oncall:sre]') };
    const policy = await policyOf({ ...rule, ...owners, ...everywhere });
    expect(policy.rules[0]?.require?.stages[0]?.any).toEqual(['oncall:sre']);
    expect(policy.defaults.require.stages[0]?.any).toEqual(['oncall:sre']);
    expect(policy.targets[0]?.owners).toEqual(['oncall:sre']);
  });
});

const CALENDARS: readonly Mistake[] = [
  [
    'a time zone that does not exist',
    calendar(WEEK, 'Europe/Berlni'),
    "keyturn.yaml:11:16 'Europe/Berlni' is not a time zone: a name such as Europe/Berlin, did you mean 'Europe/Berlin'?",
  ],
  [
    'an offset for a time zone',
    calendar(WEEK, '"+01:00"'),
    "keyturn.yaml:11:16 '+01:00' is not a time zone: a name such as Europe/Berlin",
  ],
  [
    'a time that does not exist',
    calendar('week: { mon: [09:00-17:60] }'),
    "keyturn.yaml:12:19 '09:00-17:60' is not an interval: HH:MM-HH:MM, from 00:00 to 24:00",
  ],
  [
    'an interval that starts at the end of the day',
    calendar('week: { mon: [24:00-24:00] }'),
    "keyturn.yaml:12:19 '24:00-24:00' is not an interval: HH:MM-HH:MM, from 00:00 to 24:00",
  ],
  [
    'overlapping intervals',
    calendar('week: { mon: [12:00-17:30, 09:00-12:01] }'),
    'keyturn.yaml:12:19 overlaps 09:00-12:01',
  ],
  [
    'an interval that ends as it begins',
    calendar('week: { mon: [09:00-09:00] }'),
    "keyturn.yaml:12:19 '09:00-09:00' ends before it begins: hours past midnight belong to the next day",
  ],
  [
    'an interval past midnight',
    calendar('week: { mon: [22:00-06:00] }'),
    "keyturn.yaml:12:19 '22:00-06:00' ends before it begins: hours past midnight belong to the next day",
  ],
  [
    'an unknown weekday',
    calendar('week: { mo: [09:00-17:30] }'),
    "keyturn.yaml:12:13 unknown weekday 'mo', did you mean 'mon'?",
  ],
  [
    'a range of days that runs backwards',
    calendar('week: { fri-mon: [09:00-17:30] }'),
    "keyturn.yaml:12:13 'fri-mon' runs backwards: a week begins on mon and ends on sun",
  ],
  [
    'a day listed twice',
    calendar('week: { mon-fri: [09:00-17:30], wed: [09:00-12:00] }'),
    'keyturn.yaml:12:37 wed is listed twice',
  ],
  [
    'a week without business hours',
    calendar('week: { mon: [] }'),
    'keyturn.yaml:12:11 no business hours: a deadline would never be reached',
  ],
  [
    'a holiday that does not exist',
    calendar(`${WEEK}\n    holidays: [2026-02-28, 2026-02-30]`),
    "keyturn.yaml:13:28 '2026-02-30' is not a date: YYYY-MM-DD, of a day that exists",
  ],
  [
    'a holiday listed twice',
    calendar(`${WEEK}\n    holidays: [2026-12-25, 2026-12-25]`),
    "keyturn.yaml:13:28 '2026-12-25' is listed twice",
  ],
  [
    'two calendars of one name',
    settings('calendars:', `  office: { time_zone: UTC, ${WEEK} }`, `  office: { time_zone: UTC, ${WEEK} }`),
    "keyturn.yaml:11:3 duplicate key 'office' (first at keyturn.yaml:10)",
  ],
];

const FREEZES: readonly Mistake[] = [
  [
    'a freeze that ends before it begins',
    freeze(`{ ${YEAR_END}, from: 2026-12-20T00:00Z, to: 2026-12-20T00:00Z }`),
    "keyturn.yaml:14:74 must be later than 'from'",
  ],
  [
    'an unknown environment',
    freeze(`{ ${YEAR_END}, calendar: office, ${SPAN}, environments: [prd] }`),
    "keyturn.yaml:14:124 unknown environment 'prd', did you mean 'prod'?",
  ],
  [
    'an unknown action',
    freeze(`{ ${YEAR_END}, calendar: office, ${SPAN}, actions: [postgres.run] }`),
    "keyturn.yaml:14:119 unknown action 'postgres.run'",
  ],
  [
    'an unknown calendar',
    freeze(`{ ${YEAR_END}, calendar: offise, ${SPAN} }`),
    "keyturn.yaml:14:55 unknown calendar 'offise', did you mean 'office'?",
  ],
  [
    'a local time without a calendar',
    freeze(`{ ${YEAR_END}, from: 2026-12-20T00:00, to: 2027-01-04T06:00Z }`),
    'keyturn.yaml:14:51 there is no calendar to give the time zone: add one, or an offset or Z',
  ],
  [
    'a date that does not exist',
    freeze(`{ ${YEAR_END}, calendar: office, from: 2026-02-30T00:00, to: 2027-01-04T06:00 }`),
    "keyturn.yaml:14:69 '2026-02-30T00:00' is not a date and time: 2026-12-20T09:00, or with an offset 2026-12-20T09:00+01:00",
  ],
  [
    'a local time that the clock skips',
    freeze(`{ ${YEAR_END}, calendar: office, from: 2026-03-29T02:30, to: 2027-01-04T06:00 }`),
    'keyturn.yaml:14:69 does not exist in Europe/Berlin: the clock is put forward over it',
  ],
  [
    'a local time that the clock shows twice',
    freeze(`{ ${YEAR_END}, calendar: office, from: 2026-10-25T02:30, to: 2027-01-04T06:00 }`),
    'keyturn.yaml:14:69 happens twice in Europe/Berlin: add the offset, +02:00 or +01:00',
  ],
  [
    'two freezes of one name',
    freeze(`{ ${YEAR_END}, calendar: office, ${SPAN} }\n  - { ${YEAR_END}, calendar: office, ${SPAN} }`),
    "keyturn.yaml:15:11 duplicate freeze 'year-end' (first at keyturn.yaml:14)",
  ],
];

const ROTATIONS: readonly Mistake[] = [
  ['a rotation without people', rotation({ people: '[]' }), 'keyturn.yaml:15:15 an empty list'],
  [
    'a person that the directory does not know',
    rotation({ people: '[olga, adda]' }),
    "keyturn.yaml:15:22 unknown person 'adda', did you mean 'ada'?",
  ],
  [
    'an unknown day of hand-overs',
    rotation({ hand_over: '{ day: monday, time: 09:00 }' }),
    "keyturn.yaml:13:25 'monday' is not one of mon, tue, wed, thu, fri, sat, sun",
  ],
  [
    'a hand-over at the end of the day, which is the beginning of the next',
    rotation({ hand_over: '{ day: mon, time: 24:00 }' }),
    "keyturn.yaml:13:36 '24:00' is not a time: HH:MM, from 00:00 to 23:59",
  ],
  [
    'a start on another day than that of hand-overs',
    rotation({ starts_on: '2026-01-06' }),
    'keyturn.yaml:14:18 is a tue, but turns begin on mon',
  ],
  [
    'overlapping overrides',
    rotation({
      overrides: `\n        - { ${OVERRIDE} }\n        - { ${OVERRIDE.replace('24T09', '25T08').replace('25T09', '26T09')} }`,
    }),
    'keyturn.yaml:18:11 overlaps the override at keyturn.yaml:17',
  ],
  [
    'an override that lies inside of another, with a third in between',
    rotation({
      overrides: [
        '',
        '- { from: 2026-11-01T09:00, to: 2026-11-30T09:00, person: ada }',
        '- { from: 2026-11-02T09:00, to: 2026-11-03T09:00, person: ada }',
        '- { from: 2026-11-04T09:00, to: 2026-11-05T09:00, person: ada }',
      ].join('\n        '),
    }),
    [
      'keyturn.yaml:18:11 overlaps the override at keyturn.yaml:17',
      'keyturn.yaml:19:11 overlaps the override at keyturn.yaml:17',
    ].join('\n'),
  ],
  [
    'an override by an unknown person',
    rotation({ overrides: `[{ ${OVERRIDE.replace('ada', 'petra')} }]` }),
    "keyturn.yaml:16:75 unknown person 'petra'",
  ],
  [
    'an override at a time that the clock skips',
    rotation({ overrides: `[{ ${OVERRIDE.replace('2026-11-24T09:00', '2026-03-29T02:00')} }]` }),
    'keyturn.yaml:16:27 does not exist in Europe/Berlin: the clock is put forward over it',
  ],
  [
    'an override before the rotation starts',
    rotation({ overrides: `[{ ${OVERRIDE.replace('2026-11-24T09:00', '2026-01-05T08:59')} }]` }),
    'keyturn.yaml:16:27 before the rotation starts',
  ],
  [
    'two rotations of one name',
    settings('selectors:', '  oncall:', '    sre: {}', '    sre: {}'),
    [
      "keyturn.yaml:11:10 missing 'time_zone', 'hand_over', 'starts_on', 'people'",
      "keyturn.yaml:12:5 duplicate key 'sre' (first at keyturn.yaml:11)",
    ].join('\n'),
  ],
  [
    'a selector of a rotation that does not exist',
    {
      ...rotation(),
      ...withLine('rules/sql.yaml', 6, '      stages: [{ any: [oncall:sra], quorum: 1 }]'),
    },
    "rules/sql.yaml:6:24 unknown rotation 'sra', did you mean 'sre'?",
  ],
];

describe.each([
  ['calendar', CALENDARS],
  ['freeze', FREEZES],
  ['rotation', ROTATIONS],
])('a %s is refused for', (_what, mistakes) => {
  it.each(mistakes)('%s', async (_mistake, changes, problem) => {
    expect(await problemsOf(changes)).toEqual(problem.split('\n'));
  });
});
