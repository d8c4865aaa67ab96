import type { EntityManager } from 'typeorm';

import type { RequestStatus } from '../domain/request/status.ts';

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

/** The values of the only column that a statement answers. */
export async function columnOf<Value>(...query: Parameters<typeof rows>): Promise<readonly Value[]> {
  return (await rows<Record<string, Value>>(...query)).flatMap((row) => Object.values(row));
}

/** The value of the only column in the first row that a statement answers; null for none. */
export async function valueOf<Value>(...query: Parameters<typeof rows>): Promise<Value | null> {
  const [value] = await columnOf<Value | null>(...query);
  return value ?? null;
}

/** True when a statement answers any row. */
export async function hasRows(...query: Parameters<typeof rows>): Promise<boolean> {
  return (await rows(...query)).length > 0;
}

/** A set of statuses as SQL. Literals, because only they let PostgreSQL use an index over some of the rows. */
export function sqlList(statuses: readonly RequestStatus[]): string {
  return `(${statuses.map((status) => `'${status}'`).join(', ')})`;
}
