import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

beforeAll(async () => {
  bank = await startTargetDatabase();
});

afterAll(async () => {
  await bank.stop();
});

describe('a plan', () => {
  it.each([
    ["update card set number = 'x'", 1],
    ['delete from card', 1],
    ["update card set number = 'x' where true", 1],
    ["update card set number = 'x' where 1 = 1", 1],
    ['with gone as (delete from card returning id) select count(*) from gone', 1],
    ["with a as (update card set number = 'x' returning id) insert into keyless select 'a', id from a", 1],
    ["merge into card using (values (1)) v(id) on true when matched then update set number = 'y'", 1],
    ["update card set number = 'x' where id = 1", 0],
    ["update card set number = 'x' where exists (select from account where account.id = card.id)", 0],
  ])('warns of a forgotten WHERE, wherever it is missing: %s', async (statement, count) => {
    const outcome = await connector.plan(bank.call(statement));
    const warnings = outcome.kind === 'planned' ? outcome.plan.warnings : [];
    expect(warnings.filter((warning) => warning.includes('every row'))).toHaveLength(count);
  });
});
