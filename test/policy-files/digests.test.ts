import { expect, it } from 'vitest';

import { policyDigest } from '../../domain/policy/policy.ts';
import { policyOf, VALID, type Files } from './policy-folder.ts';

/** Uses every key that policies had before any was added. */
const WHOLE: Files = {
  'keyturn.yaml': `${VALID['keyturn.yaml']}    clock: office
    reviewer: { reason: required, when: '!("everyone" in reviewer.groups)' }
production: [prod]
enums: { tags: [pci], data_class: [pii] }
operators: [user:ada, group:dba]
risk:
  lines:
    - { weight: 1, because: production, when: resource.production }
  tiers: { medium: 2, high: 3, critical: 5 }
  demands: { critical: { distinct_people: 2, channels: summary } }
windows:
  - { id: rows, action: [postgres.execute], over: 24h, per: [lineage], sum: plan.rows }
tables:
  data-sets:
    columns: { owners: selectors }
    rows: { crm: { owners: [group:dba] } }
calendars:
  office: { time_zone: Europe/Berlin, week: { mon-fri: ['09:00-17:00'] }, holidays: [2026-12-25] }
freezes:
  - { id: year-end, title: Year end, calendar: office, from: 2026-12-20T00:00, to: 2027-01-04T08:00 }
selectors:
  oncall:
    sre: { time_zone: UTC, hand_over: { day: mon, time: '09:00' }, starts_on: 2026-01-05, people: [ada, olga] }
    dba: { source: pager, schedule: PI7DH85, maximum_staleness: 10m }
`,
  'rules/more.yaml': `- id: short
  on: { action: [postgres.execute], env: [prod], target: [shop] }
  when: calendar.freeze || calendars.office.holiday
  effect: review
  because: An incident
  break_glass: true
  require:
    stages: [{ any: [oncall:sre, oncall:dba], quorum: 1, escalate: [{ after: 5m, to: group:dba }] }]
    order: sequential
- { id: closed, on: { action: [postgres.execute] }, when: plan.rows > 9, effect: forbid, yields_to_break_glass: true }
- { id: open, on: { action: [postgres.execute], env: [staging] }, effect: allow, valid_for: 1m }
`,
};

/** Stored sets are named by their digest: the same files must give the same set in every version. */
it('a policy keeps its digest from version to version', async () => {
  expect(policyDigest(await policyOf({}))).toBe(
    'sha256:f097db82d8a7e484a1a17d1586eeb1d073c3a9a1f0914a5103d872b13883633d',
  );
  expect(policyDigest(await policyOf(WHOLE))).toBe(
    'sha256:a4dbc29e39ed6ab94d4ad10a0ecaa480eca1ef50d1e80753ea1226b12a3d6bd6',
  );
});
