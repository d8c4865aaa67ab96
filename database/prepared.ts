import type { ClientBase, QueryResultRow } from 'pg';
import { QueryRunnerAlreadyReleasedError, type EntityManager } from 'typeorm';

/** A query that is made all the time. */
export interface PreparedQuery {
  /** Another text needs another name. One without a name is read and planned anew. */
  readonly name?: string;
  readonly text: string;
}

/**
 * Makes a query that PostgreSQL reads and plans once a connection, not once a call: for what every call needs. Inside a
 * transaction it is made there, and refused once that has ended: its session may belong to another one by then.
 */
export async function queryPrepared<Row extends QueryResultRow>(
  manager: EntityManager,
  query: PreparedQuery,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  const { queryRunner: own } = manager;
  if (own?.isReleased) throw new QueryRunnerAlreadyReleasedError();
  const runner = own ?? manager.dataSource.createQueryRunner();
  try {
    const session = (await runner.connect()) as ClientBase;
    const { rows } = await session.query<Row>({ ...query, values: [...values] });
    return rows;
  } finally {
    if (runner !== own) await runner.release();
  }
}
