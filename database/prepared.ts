import type { ClientBase, Pool, QueryResultRow } from 'pg';
import { QueryRunnerAlreadyReleasedError, type EntityManager } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';

/** A question that is asked all the time. */
export interface PreparedQuestion {
  /** Another text needs another name. One without a name is read and planned anew. */
  readonly name?: string;
  readonly text: string;
}

/**
 * Asks a question that PostgreSQL reads and plans once a connection, not once a call: for what every call asks. Inside a
 * transaction it is asked there, and refused once that has ended: its session may belong to another one by then.
 */
export async function askPrepared<Row extends QueryResultRow>(
  manager: EntityManager,
  question: PreparedQuestion,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  if (manager.queryRunner?.isReleased) throw new QueryRunnerAlreadyReleasedError();
  const session = (await manager.queryRunner?.connect()) as ClientBase | undefined;
  const pool = (manager.dataSource.driver as PostgresDriver).master as Pool;
  const { rows } = await (session ?? pool).query<Row>({ ...question, values: [...values] });
  return rows;
}
