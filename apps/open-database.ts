import type { DataSource } from 'typeorm';

import { causeOfRefusedSession } from '../activities/connectors/postgres/connection-cause.ts';
import { createDataSource, type DatabaseOptions } from '../database/data-source.ts';

/** The database of `KEYTURN_DATABASE_URL`, connected. Throws with that variable and what is wrong; the URL is not quoted. */
export async function openDataSource(options: DatabaseOptions): Promise<DataSource> {
  try {
    return await createDataSource(options).initialize();
  } catch (error) {
    throw new Error(databaseTrouble(error), { cause: error });
  }
}

/** Why the database does not answer, by the variable that says where it is. */
export function databaseTrouble(error: unknown): string {
  return `KEYTURN_DATABASE_URL: ${causeOfRefusedSession(error).cause}`;
}
