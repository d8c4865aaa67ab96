import { NativeConnection } from '@temporalio/worker';

import { temporalConnection } from '../../configuration/environment.ts';

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
