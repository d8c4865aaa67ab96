import { Client, Connection } from '@temporalio/client';

import { askNamespace, temporalConnection, temporalTrouble } from '../../configuration/temporal.ts';
import { searchAttributes } from '../../workflows/messages.ts';
import { diagnose, type Diagnosis } from './doctor.ts';

const ANSWER_MS = 5_000;

/** What can be checked of Temporal with the variables of the programs: that it answers, and has namespace and attributes. */
export async function temporalDiagnoses(environment: NodeJS.ProcessEnv): Promise<readonly Diagnosis[]> {
  const { address, namespace, connection } = temporalOf(environment);
  try {
    const reached = await diagnose('Temporal', async () => {
      const { serverVersion } = await connection.withDeadline(Date.now() + ANSWER_MS, () =>
        connection.workflowService.getSystemInfo({}),
      );
      return `${address}, version ${serverVersion ?? 'unknown'}`;
    });
    if (reached.outcome !== 'ok') return [reached];
    return [reached, await diagnose('namespace', () => namespaceText(connection, namespace))];
  } finally {
    await connection.close();
  }
}

/** Temporal as the variables of the programs name it. Nothing is connected yet. */
export function temporalOf(environment: NodeJS.ProcessEnv): {
  readonly address: string;
  readonly namespace: string;
  readonly connection: Connection;
} {
  const options = temporalConnection(environment);
  const { address = '127.0.0.1:7233' } = options;
  const namespace = environment['TEMPORAL_NAMESPACE'] || 'default';
  return { address, namespace, connection: Connection.lazy({ ...options, address }) };
}

async function namespaceText(connection: Connection, namespace: string): Promise<string> {
  const client = new Client({ connection, namespace });
  return connection.withDeadline(Date.now() + ANSWER_MS, async () => {
    await askNamespace(client, ANSWER_MS).catch((error: unknown) => {
      throw new Error(`${namespace}: ${temporalTrouble(error)}`);
    });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const missing = Object.values(searchAttributes)
      .map(({ name }) => name)
      .filter((name) => !(name in (customAttributes ?? {})));
    if (missing.length > 0)
      throw new Error(
        `namespace ${namespace} lacks the search attributes ${missing.join(', ')} (docs/operating.md, Temporal)`,
      );
    return `${namespace}, with all search attributes`;
  });
}
