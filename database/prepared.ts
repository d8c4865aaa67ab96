import type { ClientBase, QueryResultRow } from 'pg';
import { QueryRunnerAlreadyReleasedError, type EntityManager } from 'typeorm';

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
  const { queryRunner: own } = manager;
  if (own?.isReleased) throw new QueryRunnerAlreadyReleasedError();
  const runner = own ?? manager.dataSource.createQueryRunner();
  try {
    const session = (await runner.connect()) as ClientBase;
    const { rows } = await session.query<Row>({ ...question, values: [...values] });
    return rows;
  } finally {
    if (runner !== own) await runner.release();
  }
}
