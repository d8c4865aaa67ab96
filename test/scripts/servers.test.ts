import { Client } from 'pg';
import { Connection } from '@temporalio/client';
import { expect, it } from 'vitest';

it('gives every test file the address of a real PostgreSQL', async () => {
  const client = new Client({ connectionString: process.env['KEYTURN_TEST_POSTGRES_URL'] });
  await client.connect();
  const { rows } = await client.query<{ version: string }>('select version()');
  await client.end();
  expect(rows[0]?.version).toMatch(/^PostgreSQL 18/);
});

it('gives every test file the address of a real Temporal server', async () => {
  const connection = await Connection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '' });
  const info = await connection.workflowService.getSystemInfo({});
  await connection.close();
  expect(info.serverVersion).toMatch(/^1\./);
});
