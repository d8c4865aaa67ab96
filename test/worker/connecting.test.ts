import { expect, it } from 'vitest';

import { openDataSource } from '../../apps/open-database.ts';
import { connectTemporal } from '../../apps/worker/temporal/connection.ts';
import { withUser } from '../../scripts/servers/postgres.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

it('a Temporal that cannot be reached is named by its variable and address', async () => {
  await expect(connectTemporal({ address: '127.0.0.1:1', connection: {} })).rejects.toThrow(
    /^TEMPORAL_ADDRESS: 127\.0\.0\.1:1 cannot be reached/,
  );
});

it('a database that refuses or is away is named by its variable, without its password', async () => {
  const { target } = await createDatabases(`connecting_${takeNumber()}`);
  const connect = (url: string) => openDataSource({ url, applicationName: 'test' });
  await expect(connect(withUser(target, 'nobody', 'hunter2'))).rejects.toThrow(
    /^KEYTURN_DATABASE_URL: the server refuses the session: (?!.*hunter2)/,
  );
  await expect(connect('postgres://a:hunter2@127.0.0.1:1/b')).rejects.toThrow(
    /^KEYTURN_DATABASE_URL: nothing listens at the host and port of its URL \(ECONNREFUSED\)$/,
  );
});
