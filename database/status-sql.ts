import type { RequestStatus } from '../domain/request/status.ts';

/** A set of statuses as SQL. Literals, because only they let PostgreSQL use an index over some of the rows. */
export function sqlList(statuses: readonly RequestStatus[]): string {
  return `(${statuses.map((status) => `'${status}'`).join(', ')})`;
}
