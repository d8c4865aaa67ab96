import type { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';

import { temporalConnection } from '../../configuration/environment.ts';
import { askNamespace, temporalTrouble } from '../temporal-trouble.ts';

const ANSWER_MS = 10_000;

/** Temporal, connected. Throws with the variable that says where it is: the library's own words name neither. */
export async function connectTemporal(address: string): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect({ ...temporalConnection(process.env), address });
  } catch (error) {
    throw new Error(
      `TEMPORAL_ADDRESS: ${address} cannot be reached, or not with the TEMPORAL_TLS… and key given.`,
      {
        cause: error,
      },
    );
  }
}

/** Refuses to go on without the namespace, by the variable that names it: the SDK would quote the server's bytes. */
export async function refuseMissingNamespace(client: Client): Promise<void> {
  try {
    await askNamespace(client, ANSWER_MS);
  } catch (error) {
    throw new Error(temporalTrouble(error), { cause: error });
  }
}
