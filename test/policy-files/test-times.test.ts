import { describe, expect, it } from 'vitest';

import { formatProblem, loadPolicyFolder } from '../../policy-files/compile.ts';
import { loadPolicyTests } from '../../policy-files/tests.ts';
import { runPolicyTests } from '../../policy-authoring/policy-test.ts';
import { VALID, withFolder, type Files } from './policy-folder.ts';

/** Administrators by business time, the leads on escalation; a short path on production by night. */
const POLICY: Files = {
  ...VALID,
  'keyturn.yaml': `${VALID['keyturn.yaml']}calendars:
  office: { time_zone: Europe/Berlin, week: { mon-fri: ['08:00-16:00'] } }
`,
  'directory.yaml': `issuers: { demo: http://127.0.0.1:1 }
people:
  - { id: ada, accounts: [{ issuer: demo, subject: ada }] }
  - { id: olga, accounts: [{ issuer: demo, subject: olga }] }
  - { id: petra, accounts: [{ issuer: demo, subject: petra }] }
agents:
  - { id: billing, issuer: demo, subject: agent-billing, owner: ada }
groups:
  - { id: dba, members: [ada, olga] }
  - { id: leads, members: [petra] }
`,
  'rules/sql.yaml': `- id: sql
  on: { action: [postgres.execute] }
  effect: review
  replaces_default: true
  require:
    clock: office
    expires: 16h
    stages: [{ any: [group:dba], quorum: 1, escalate: [{ after: 2h, to: group:leads }] }]
- id: short
  on: { action: [postgres.execute] }
  when: '!calendar.business_hours && plan.rows < 10'
  effect: review
  break_glass: true
  require: { expires: 1h, stages: [{ any: [group:leads], quorum: 1 }] }
`,
};

const REQUEST = 'action: postgres.execute, target: shop, requester: billing';
/** Friday at three in Berlin: an hour before the office closes. */
const FRIDAY = `at: 2026-01-09T15:00:00+01:00`;
const PLAN = 'plan: { rows: 1 }';

/** The failures of one test with these keys, or the problems with it. */
async function outcome(given: string, rest: string): Promise<readonly string[]> {
  const text = `tests: [{ name: it, given: { ${REQUEST}, ${given} }, ${rest} }]`;
  return withFolder({ ...POLICY, 'tests/t.yaml': text }, async (folder) => {
    const loaded = await loadPolicyFolder(folder, {});
    if (!loaded.ok) return loaded.problems.map(formatProblem);
    const read = await loadPolicyTests(folder, loaded.policy);
    if (!read.ok) return read.problems.map(formatProblem);
    const { results } = runPolicyTests(loaded.policy, read.tests);
    return results.flatMap(({ failures }) => failures.map(({ what, got }) => `${what}: ${got}`));
  });
}

describe('a test of business time', () => {
  it.each([
    ['when it expires', 'expect: { expires_at: 2026-01-13T15:00:00+01:00 }'],
    [
      'when it escalates, and to whom',
      `expect: { escalates: [{ to: 'group:leads', at: 2026-01-12T09:00:00+01:00 }] }`,
    ],
    ['who may decide at an instant', 'after: 2026-01-12T08:59:00+01:00, may: { petra: not_eligible }'],
    ['who may decide once it has escalated', 'after: 2026-01-12T08:00:00Z, may: { petra: yes }'],
    ['what becomes of it in the end', 'after: 2026-01-13T15:00:00+01:00, expect: { status: expired }'],
  ])('says %s', async (_what, rest) => {
    expect(await outcome(`${FRIDAY}, ${PLAN}`, rest)).toEqual([]);
  });

  it('fails where it is another time', async () => {
    const rest = `expect: { expires_at: 2026-01-13T14:00:00Z, escalates: [] }, after: 2026-01-12T07:59:59Z, may: { petra: yes }`;
    expect(await outcome(`${FRIDAY}, ${PLAN}`, rest.replace('14:00:00Z', '14:00:01Z'))).toEqual([
      'expires_at: 2026-01-13T14:00:00.000Z',
      'escalates: [group:leads at 2026-01-12T08:00:00.000Z]',
      'may petra: not_eligible',
    ]);
  });

  it('takes decisions at an instant, and none from before the request', async () => {
    const decided = (at: string): string => `decisions: [{ by: olga, verdict: approve, at: ${at} }]`;
    const approved = 'expect: { status: approved, escalates: [] }';
    expect(await outcome(`${FRIDAY}, ${PLAN}, ${decided('2026-01-09T16:00:00+01:00')}`, approved)).toEqual(
      [],
    );
    const [problem] = await outcome(`${FRIDAY}, ${PLAN}, ${decided('2026-01-09T13:00:00Z')}`, approved);
    expect(problem).toContain('is before the request, which is made at 2026-01-09T14:00:00.000Z');
    expect((await outcome(`at: 2026-02-30T10:00:00Z, ${PLAN}`, approved))[0]).toContain('not an instant');
  });
});

describe('a test of a break-glass path', () => {
  const NIGHT = 'at: 2026-01-09T22:00:00Z';

  it.each([
    ['is taken where it is offered and asked for', `break_glass: true, ${NIGHT}, ${PLAN}`, 'taken'],
    ['is offered to a request that does not ask', `${NIGHT}, ${PLAN}`, 'offered'],
    ['is offered until the plan tells', `break_glass: true, ${NIGHT}`, 'offered'],
    ['is not there for a larger change', `break_glass: true, ${NIGHT}, plan: { rows: 10 }`, 'unavailable'],
    ['is not there by day', `break_glass: true, ${FRIDAY}, ${PLAN}`, 'unavailable'],
  ])('%s', async (_what, given, path) => {
    expect(await outcome(given, `expect: { break_glass: ${path} }`)).toEqual([]);
    const others = ['taken', 'offered', 'unavailable'].filter((other) => other !== path);
    for (const other of others)
      expect(await outcome(given, `expect: { break_glass: ${other} }`)).toEqual([`break_glass: ${path}`]);
  });

  it('says what the short path asks', async () => {
    const rest = `expect: { rules: [short], stages: ['group:leads x1'], expires_at: 2026-01-09T23:00:00Z }, may: { petra: yes, olga: not_eligible }`;
    expect(await outcome(`break_glass: true, ${NIGHT}, ${PLAN}`, rest)).toEqual([]);
  });
});

describe('a test of who is left', () => {
  it('names everybody who could still approve, but for those behind the request and those who decided', async () => {
    expect(await outcome(PLAN, 'expect: { approvers: [olga, petra], shortage: [] }')).toEqual([]);
    const approved = `decisions: [{ by: olga, verdict: approve }]`;
    const critical = 'plan: { rows: 20000, destructive: true, reversible: false, resources: 2 }';
    expect(
      await outcome(`${critical}, ${approved}`, 'expect: { status: pending, approvers: [petra] }'),
    ).toEqual([]);
    expect(await outcome(`${PLAN}, ${approved}`, 'expect: { status: approved, approvers: [] }')).toEqual([]);
    expect(await outcome(PLAN, 'expect: { approvers: [ada] }')).toEqual(['approvers: [olga, petra]']);
    const denied = `${PLAN}, decisions: [{ by: olga, verdict: deny }]`;
    expect(await outcome(denied, 'expect: { status: denied, approvers: [], escalates: [] }')).toEqual([]);
  });

  it('names the rules that too few people could satisfy', async () => {
    const critical = 'plan: { rows: 20000, destructive: true, reversible: false, resources: 2 }';
    const given = `break_glass: true, at: 2026-01-09T22:00:00Z, on_behalf_of: olga, ${critical}`;
    expect(await outcome(given, `expect: { risk: critical, shortage: ['*'], approvers: [petra] }`)).toEqual(
      [],
    );
    expect(await outcome(given, 'expect: { shortage: [] }')).toEqual(['shortage: [*]']);
  });
});
