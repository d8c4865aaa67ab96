import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { Plan, ResourceEffect } from '../../../../domain/request/plan.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector({ lockTimeoutMs: 5_000 });

beforeAll(async () => {
  bank = await startTargetDatabase();
});

afterAll(async () => bank?.stop());

beforeEach(async () => {
  await bank.admin.query(`
    truncate account, account_log, card, keyless;
    insert into account (id, owner, balance) select n, 'person ' || n, n * 100 from generate_series(1, 40) n;
    insert into card select n, n, '4000-' || n from generate_series(1, 5) n;`);
});

async function planned(statement: string): Promise<Plan> {
  const outcome = await connector.plan(bank.call(statement));
  return outcome.kind === 'planned' ? outcome.plan : expect.unreachable(outcome.detail);
}

const DEPOSIT = 'update account set balance = balance + 5, updated_at = now() where id <= 30';

function first(plan: Plan, change: Partial<ResourceEffect>): Plan {
  const [effect, ...others] = plan.effects;
  return { ...plan, effects: effect === undefined ? [] : [{ ...effect, ...change }, ...others] };
}

/** With the fingerprint of the true plan, what else could be written of it. */
const MISSTATED: readonly (readonly [what: string, change: (plan: Plan) => Plan])[] = [
  ['fewer rows for policy', (plan) => ({ ...plan, risk_facts: { ...plan.risk_facts, rows_changed: 1 } })],
  [
    'fewer tables for policy',
    (plan) => ({ ...plan, risk_facts: { ...plan.risk_facts, resources_changed: 1 } }),
  ],
  ['nothing lost', (plan) => ({ ...plan, risk_facts: { ...plan.risk_facts, is_destructive: false } })],
  [
    'a way back that it does not have',
    (plan) => ({
      ...plan,
      reversal: { is_possible: false, how: 'It cannot.' },
      risk_facts: { ...plan.risk_facts, is_reversible: true },
    }),
  ],
  ['a lower count', (plan) => first(plan, { updated: 1 })],
  ['fewer rows', (plan) => first(plan, { rows: plan.effects[0]?.rows.slice(0, 1) ?? [] })],
  [
    'other values',
    (plan) =>
      first(plan, {
        rows: plan.effects[0]?.rows.map((row) => ({ ...row, after: { ...row.after, balance: '1' } })) ?? [],
      }),
  ],
  [
    'one row of many',
    (plan) =>
      first(plan, {
        updated: 1,
        rows: plan.effects[0]?.rows.slice(0, 1) ?? [],
      }),
  ],
  ['another cause', (plan) => first(plan, { cause: 'trigger' })],
  ['one table of two', (plan) => ({ ...plan, effects: plan.effects.slice(0, 1) })],
  ['another summary', (plan) => ({ ...plan, summary: 'Updates 1 row of public.account.' })],
  ['another statement', (plan) => ({ ...plan, operation: 'update account set note = null where id = 1' })],
  ['another connector', (plan) => ({ ...plan, connector: 'gate' })],
  ['no warnings', (plan) => ({ ...plan, warnings: [] })],
];

describe('an approved plan with the true fingerprint', () => {
  it.each(MISSTATED)('is not executed when it states something else: %s', async (_what, change) => {
    const plan = await planned(DEPOSIT);
    const approvedPlan = change(plan);
    expect(approvedPlan).not.toEqual(plan);
    const before = await bank.checksum();
    const outcome = await connector.execute(bank.approved(plan, { approvedPlan }));
    expect(outcome).toMatchObject({ kind: 'drifted' });
    expect(await bank.checksum()).toBe(before);
  });

  it.each([
    ['many rows, a trigger and a clock', DEPOSIT],
    ['what a cascade deletes', 'delete from account where id <= 3'],
    ['new rows', `insert into account (id, owner, balance) values (50, 'new', 1)`],
    ['nothing', 'update account set note = null where id < 0'],
    ['a read', 'select * from account'],
  ])('is executed as it was stored: %s', async (_what, statement) => {
    const plan = await planned(statement);
    const approvedPlan = JSON.parse(JSON.stringify(plan)) as Plan;
    const outcome = await connector.execute(bank.approved(plan, { approvedPlan }));
    expect(outcome).toMatchObject({ kind: 'succeeded' });
  });
});
