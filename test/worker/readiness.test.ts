import { Client } from '@temporalio/client';
import { pino } from 'pino';
import { expect, it, vi } from 'vitest';

import { openDataSource } from '../../apps/open-database.ts';
import { Readiness } from '../../apps/readiness.ts';
import { connectTemporal } from '../../apps/worker/temporal/connection.ts';
import { refuseMissingNamespace } from '../../configuration/temporal.ts';
import { PolicyReader } from '../../database/readers.ts';
import { createDatabases } from '../stack/databases.ts';
import { sharedTemporal, takeNumber } from '../stack/temporal.ts';

it('a worker does not start, nor is ready, while its namespace does not exist, and logs why', async () => {
  const number = takeNumber();
  const { address } = await sharedTemporal(number);
  const { keyturn } = await createDatabases(`readiness_${number}`);
  const source = await openDataSource({ url: keyturn.worker, applicationName: 'test' });
  const connection = await connectTemporal({ address, connection: {} });
  try {
    const log = pino({ level: 'silent' });
    const logged = vi.spyOn(log, 'error');
    const temporal = new Client({ connection, namespace: 'nobody-made-it' });
    const readiness = new Readiness({ source, policies: new PolicyReader(), temporal, log });
    await expect(refuseMissingNamespace(temporal)).rejects.toThrow(/^TEMPORAL_NAMESPACE: there is no such/);
    expect(await readiness.checks()).toMatchObject({ temporal: 'unreachable' });
    expect(logged.mock.calls).toContainEqual([
      { check: 'temporal' },
      expect.stringMatching(/^TEMPORAL_NAMESPACE: there is no such namespace/),
    ]);
  } finally {
    await connection.close();
    await source.destroy();
  }
});
