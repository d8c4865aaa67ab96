import path from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { loadPolicyFolder, type CompiledPolicy } from '../../policy-files/compile.ts';
import { findingsOfSources } from '../../policy-files/validation.ts';
import type { PolicySet, Rule } from '../../domain/policy/policy.ts';
import { findingsOfSet } from './policy-folder.ts';

const ENVIRONMENT = { KEYTURN_IDP_ISSUER: 'http://127.0.0.1:1', KEYTURN_SECOND_ISSUER: 'http://127.0.0.1:2' };

async function load(folder: string): Promise<CompiledPolicy> {
  const loaded = await loadPolicyFolder(path.join(import.meta.dirname, '..', '..', folder), ENVIRONMENT);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded;
}

let sample: PolicySet;
beforeAll(async () => {
  ({ policy: sample } = await load('test/stack/policies'));
});

/** The sample with changes, as somebody who means harm could write its files. */
function edited(changes: object): PolicySet {
  return { ...sample, ...changes };
}

function withRule(changes: object): PolicySet {
  return edited({ rules: [...sample.rules, { ...sample.rules[0], id: 'fresh', ...changes }] });
}

const RICH: Partial<PolicySet> = {
  calendars: [
    {
      id: 'office',
      time_zone: 'Europe/Berlin',
      week: { mon: [{ from: '09:00', to: '17:30' }], tue: [], wed: [], thu: [], fri: [], sat: [], sun: [] },
      holidays: ['2027-01-01'],
    },
  ],
  freezes: [
    {
      id: 'winter',
      title: 'Winter',
      from: '2026-12-20T08:00:00.000Z',
      to: '2027-01-03T08:00:00.000Z',
      environments: ['prod'],
      actions: null,
    },
  ],
  rotations: [
    {
      id: 'dba',
      time_zone: 'Europe/Berlin',
      hand_over: { day: 'mon', time: '09:00' },
      starts_on: '2026-11-02',
      people: ['olga', 'dmitri'],
      overrides: [{ from: '2026-12-01T08:00:00.000Z', to: '2026-12-02T08:00:00.000Z', person: 'petra' }],
    },
  ],
  risk: {
    lines: [
      { on: { action: ['postgres.execute'], env: ['prod'] }, weight: 1, because: 'x', when: 'plan.rows > 1' },
      { on: { action: ['postgres.execute'], env: null }, weight: 2, because: 'y', when: 'plan.rows > 2' },
      { weight: 3, because: 'z', when: 'plan.rows > 3' },
    ],
    tiers: { medium: 2, high: 3, critical: 5 },
    demands: {
      medium: { distinct_people: 1, minimum_grade: 'C', maximum_age_ms: null, channels: 'summary' },
      high: { distinct_people: 1, minimum_grade: 'C', maximum_age_ms: 60_000, channels: 'link' },
      critical: { distinct_people: 2, minimum_grade: 'C', maximum_age_ms: null },
    },
  },
  tables: [
    {
      id: 'depots',
      columns: {
        trusted: 'flag',
        kind: ['internal', 'partner'],
        limit: 'integer',
        note: 'text',
        owners: 'selectors',
      },
      rows: {
        's3://corp': {
          trusted: true,
          kind: 'internal',
          limit: -3,
          note: 'ours',
          owners: ['group:dba', 'user:omar'],
        },
      },
    },
  ],
  windows: [
    { id: 'daily', action: ['postgres.execute'], over_ms: 86_400_000, per: ['lineage'], sum: 'plan.rows' },
  ],
};

const FROM_CLAIMS = {
  id: 'seen',
  authority: `claims:${ENVIRONMENT.KEYTURN_IDP_ISSUER}`,
  claim: 'SQL admins',
  maximum_age_ms: 3_600_000,
  members: [],
  groups: [],
};

function withGroup(group: object): PolicySet {
  const groups = [...sample.directory.groups, group];
  return edited({ directory: { ...sample.directory, groups } });
}

describe('the sources of a policy', () => {
  it.each([
    ['test/stack/policies', ENVIRONMENT],
    ['policies', { KEYTURN_IDP_ISSUER: ENVIRONMENT.KEYTURN_IDP_ISSUER }],
  ])('of %s compile to it wherever they are, with the variables that they read', async (folder, read) => {
    const { policy, digest, sources } = await load(folder);
    expect(sources.environment).toEqual(read);
    const { problems, compiled } = findingsOfSources({ sources: JSON.stringify(sources) });
    expect([problems, compiled]).toEqual([[], { policy, digest, sources }]);
  });

  it('with calendars, freezes, rotations, windows, groups from claims and every kind of rule is good', () => {
    const rich = {
      ...sample,
      ...RICH,
      directory: { ...sample.directory, groups: [...sample.directory.groups, FROM_CLAIMS] },
      actions: sample.actions.map((action) => ({
        ...action,
        owners: {
          resolver: 'table',
          table: 'depots',
          column: 'owners',
          of: 'args.statement',
          otherwise: 'group:dba',
        },
        facts: {
          depot: { resolver: 'table', table: 'depots', of: 'args.statement' },
          who: { resolver: 'identity', of: 'args.statement' },
          where: { resolver: 'target', of: 'args.statement' },
        },
      })),
      rules: [
        ...sample.rules,
        {
          ...sample.rules[0],
          id: 'publishing',
          on: { action: ['keyturn.policy.publish'], env: null, target: ['keyturn'] },
          when: 'plan.destructive && calendar.business_hours',
          require: { ...requirementOf(), rule: 'publishing' },
        },
        {
          ...sample.rules[0],
          id: 'frozen',
          on: { action: ['postgres.execute'], env: null },
          effect: 'forbid',
          when: 'windows.daily.sum > 1000',
          require: null,
          replaces_default: false,
          yields_to_break_glass: true,
        },
        {
          ...sample.rules[0],
          id: 'short-lived',
          on: { action: ['postgres.execute'], env: null },
          effect: 'allow',
          when: 'plan.rows == 0',
          require: null,
          replaces_default: false,
          valid_for_ms: 60_000,
        },
      ],
    };
    expect(findingsOfSet(rich as unknown as PolicySet).problems).toEqual([]);
  });

  it.each<[string, () => PolicySet, RegExp]>([
    [
      'a condition that does not compile',
      () => withRule({ when: 'args.statement ==' }),
      /^rules\/fresh\.yaml:1:\d+ when:/,
    ],
    ['a condition of another type', () => withRule({ when: 'plan.rows' }), /when:/],
    ['a condition on a field that is not there', () => withRule({ when: 'plan.rowz > 1' }), /rowz/],
    ['backtracking', () => withRule({ when: 'args.statement.matches("(a+)+$")' }), /when:/],
    [
      'an allow of publishing',
      () =>
        withRule({
          on: { action: ['keyturn.policy.publish'], env: null },
          effect: 'allow',
          when: 'plan.reversible',
          require: null,
          replaces_default: false,
        }),
      /can never be allowed outright/,
    ],
    [
      'an action of Keyturn itself',
      () => edited({ actions: [{ ...sample.actions[0], action: 'keyturn.x' }] }),
      /name of Keyturn itself/,
    ],
    [
      'a target called keyturn',
      () => edited({ targets: [{ ...sample.targets[0], id: 'keyturn' }] }),
      /name of Keyturn itself/,
    ],
    ['no operators in the list', () => edited({ operators: [] }), /empty list/],
    ['operators who have left', () => edited({ operators: ['user:ines'] }), /fewer than 2 active people/],
    ['a rule twice', () => edited({ rules: [...sample.rules, sample.rules[0]] }), /duplicate/],
    ['a group that is not there', () => edited({ operators: ['group:x'] }), /unknown group/],
    [
      'a claim without an issuer',
      () => withGroup({ ...FROM_CLAIMS, authority: 'claims:nowhere' }),
      /unknown issuer alias/,
    ],
    [
      'a secret in a connection',
      () => edited({ targets: [{ ...sample.targets[0], connection: { url: 'postgres://a:b@c/d' } }] }),
      /must be a reference/,
    ],
    [
      'a grade that nobody can be held to',
      () => withRule({ require: { ...requirementOf(), minimum_grade: 'D' } }),
      /not one of A, B, C/,
    ],
    [
      'a duration of half a second',
      () => withRule({ require: { ...requirementOf(), expires_ms: 500 } }),
      /not a duration/,
    ],
  ])('with %s are refused, with the reason', (_what, candidate, expected) => {
    expect(findingsOfSet(candidate()).problems.join('\n')).toMatch(expected);
  });
});

function requirementOf(): NonNullable<Rule['require']> {
  const { require } = sample.defaults;
  return { ...require, rule: 'fresh' };
}
