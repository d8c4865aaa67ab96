import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DataSource, EntityManager } from 'typeorm';

import { createDataSource } from '../../database/data-source.ts';
import { queryPrepared } from '../../database/prepared.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let source: DataSource;

beforeAll(async () => {
  const { keyturn } = await createDatabases(`prepared_${takeNumber()}`);
  source = createDataSource({ url: keyturn.worker, applicationName: 'test', poolSize: 1 });
  await source.initialize();
});

afterAll(() => source.destroy());

it('asks nothing for a transaction that has ended: its session belongs to another one by then', async () => {
  const question = { name: 'own-transaction', text: 'select pg_current_xact_id()::text as id' };
  const ended = await source.transaction(async (manager): Promise<EntityManager> => {
    await queryPrepared(manager, question, []);
    return manager;
  });
  await source.transaction(async () => {
    await expect(queryPrepared(ended, question, [])).rejects.toThrow(/released/);
  });
});
