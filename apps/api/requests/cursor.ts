import { z } from 'zod';

import type { ListPosition } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { requestIdSchema } from '../../../contract/values.ts';

const positionSchema = z.tuple([z.iso.datetime({ precision: 3 }), requestIdSchema]);

/** The position after a row. */
export function positionAfter({ created_at: createdAt, id }: RequestRow): ListPosition {
  return { createdAt: createdAt.toISOString(), id };
}

/** The cursor after a row. Callers send it back unchanged. */
export function cursorAfter(row: RequestRow): string {
  const { createdAt, id } = positionAfter(row);
  return Buffer.from(`${createdAt} ${id}`).toString('base64url');
}

/** The position of a cursor, or null for none. Refuses (`invalid_request`) what `cursorAfter` never made. */
export function positionOf(cursor: string | undefined): ListPosition | null {
  if (cursor === undefined) return null;
  const parsed = positionSchema.safeParse(Buffer.from(cursor, 'base64url').toString('utf8').split(' '));
  if (!parsed.success) throw new KeyturnError('invalid_request', 'The cursor does not belong to this list.');
  return { createdAt: parsed.data[0], id: parsed.data[1] };
}
