import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { root } from '../../../scripts/servers/root.ts';
import { prepareNamespace, SEARCH_ATTRIBUTES } from '../../../scripts/servers/temporal.ts';
import { searchAttributes } from '../../../workflows/messages.ts';
import { fullTemporalOrSkip } from '../../stack/full-temporal-program.ts';
import { fullTemporal } from '../../stack/full-temporal.ts';
import { takeNumber, type TemporalService } from '../../stack/temporal.ts';

const programs = await fullTemporalOrSkip();
/** What compose/temporal/namespace.sh uses; the development server of the tests comes with it. */
const commandLine = process.env['KEYTURN_TEST_TEMPORAL_PROGRAM'];

describe.skipIf(programs === undefined)('a new namespace of the full Temporal server, on PostgreSQL', () => {
  let service: TemporalService;
  let connection: Connection;

  beforeAll(async () => {
    if (!programs) return;
    service = await fullTemporal(programs, `stack_${takeNumber()}`);
    connection = await Connection.connect({ address: service.address });
  });

  afterAll(async () => {
    await connection?.close();
    await service?.server?.stop();
  });

  it('has every search attribute ready for use as soon as Keyturn has prepared it', async () => {
    await prepareNamespace(service.address, 'prepared');
    await expectUsable('prepared');
  });

  it('may be prepared again', async () => {
    await prepareNamespace(service.address, 'prepared');
    await expectUsable('prepared');
  });

  it.skipIf(commandLine === undefined)(
    'has every search attribute ready for use once the script of compose has run, once or twice',
    async () => {
      const script = path.join(root, 'compose', 'temporal', 'namespace.sh');
      const env = {
        PATH: `${path.dirname(commandLine ?? '')}:${process.env['PATH']}`,
        TEMPORAL_ADDRESS: service.address,
        TEMPORAL_NAMESPACE: 'composed',
        TEMPORAL_RETENTION: '720h',
      };
      await promisify(execFile)('sh', [script], { env });
      await expectUsable('composed');
      await promisify(execFile)('sh', [script], { env });
      await expectUsable('composed');
    },
  );

  /** Without another try: the first caller must not be refused. */
  async function expectUsable(namespace: string): Promise<void> {
    const client = new Client({ connection, namespace });
    const { status, action, environment, risk, expiresAt } = searchAttributes;
    const handle = await client.workflow.start('nobodyRunsThis', {
      workflowId: `of-${namespace}`,
      taskQueue: 'nobody-listens',
      workflowIdConflictPolicy: 'USE_EXISTING',
      typedSearchAttributes: [
        { key: status, value: 'pending' },
        { key: action, value: 'postgres.execute' },
        { key: environment, value: 'prod' },
        { key: risk, value: 'low' },
        { key: expiresAt, value: new Date() },
      ],
    });
    expect((await handle.describe()).status.name).toBe('RUNNING');
    for (const name of Object.keys(SEARCH_ATTRIBUTES)) {
      expect((await client.workflow.count(`${name} is null`)).count, name).toBe(0);
    }
  }
});
