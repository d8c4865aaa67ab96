import type { EntityManager } from 'typeorm';

/**
 * The rows that a statement answers. The driver answers a bare UPDATE or DELETE otherwise: one that returns rows stands
 * in a `with`.
 */
export async function rows<Row>(
  manager: EntityManager,
  statement: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  return manager.query<Row[]>(statement, [...values]);
}

/** The first row that a statement answers. */
export async function firstRow<Row>(
  manager: EntityManager,
  statement: string,
  values: readonly unknown[] = [],
): Promise<Row | undefined> {
  const [row] = await rows<Row>(manager, statement, values);
  return row;
}
