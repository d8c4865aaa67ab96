import { NativeConnection } from '@temporalio/worker';

import type { WorkerConfiguration } from '../../../configuration/programs.ts';

/** Temporal, connected. Throws with the variable that says where it is: the library's own words name neither. */
export async function connectTemporal({
  address,
  connection,
}: Pick<WorkerConfiguration['temporal'], 'address' | 'connection'>): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect({ ...connection, address });
  } catch (cause) {
    const message = `TEMPORAL_ADDRESS: ${address} cannot be reached, or not with the TEMPORAL_TLS… and key given.`;
    throw new Error(message, { cause });
  }
}
