import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DataSource } from 'typeorm';

import { CHANGE_CHANNEL, notifyChange } from '../../database/changes.ts';
import { createDataSource } from '../../database/data-source.ts';
import { combined } from '../../database/row-statements.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';
import { waitFor } from '../stack/wait.ts';

let source: DataSource;
let listener: Client;

beforeAll(async () => {
  const { keyturn } = await createDatabases(`changes_${takeNumber()}`);
  source = createDataSource({ url: keyturn.worker, applicationName: 'test', poolSize: 1 });
  await source.initialize();
  listener = new Client({ connectionString: keyturn.worker });
  await listener.connect();
});

afterAll(async () => {
  await listener.end();
  await source.destroy();
});

it('says of every request that it changed, however many change at once', async () => {
  const heard: (string | undefined)[] = [];
  listener.on('notification', ({ payload }) => heard.push(payload));
  await listener.query(`listen ${CHANGE_CHANNEL}`);
  const requests = Array.from({ length: 20 }, (_, index) => `req_${index}`);
  await Promise.all(requests.map((request) => notifyChange(source.manager, request)));
  await waitFor({
    what: 'all notifications',
    check: async () => heard.length === requests.length || undefined,
  });
  expect(new Set(heard)).toEqual(new Set(requests));
});

it('a notification that fails takes none with it that waits behind it', async () => {
  const heard: (string | undefined)[] = [];
  listener.on('notification', ({ payload }) => heard.push(payload));
  await listener.query(`listen ${CHANGE_CHANNEL}`);
  // Longer than the server takes.
  const failing = notifyChange(source.manager, 'x'.repeat(9_000));
  await Promise.all([expect(failing).rejects.toThrow('payload'), notifyChange(source.manager, 'req_behind')]);
  await waitFor({ what: 'its notification', check: async () => heard.includes('req_behind') || undefined });
});

it('writes of several statements as one keep their parameters apart', () => {
  const { text, values } = combined([
    { text: 'insert into one values ($1, $2)', values: ['a', 'b'] },
    { text: 'update two set x = $2 where id = $1', values: ['c', 'd'] },
    { text: 'insert into three values ($1)', values: ['e'] },
  ]);
  expect(text).toBe(
    'with written_0 as (insert into one values ($1, $2)), written_1 as (update two set x = $4 where id = $3) ' +
      'insert into three values ($5)',
  );
  expect(values).toEqual(['a', 'b', 'c', 'd', 'e']);
});
