import { z } from 'zod';

import type { InboxSort } from '../../../database/inbox.ts';
import type { ListPosition } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { requestIdSchema } from '../../../contract/values.ts';

const position = [z.iso.datetime({ precision: 3 }), requestIdSchema] as const;
const CURSORS = {
  newest: z.tuple([...position]),
  deadline: z.tuple([...position, z.literal('deadline')]),
} as const;

/** The position after a row. */
export function positionAfter(row: RequestRow, sort: InboxSort): ListPosition {
  const at = sort === 'newest' ? row.created_at : row.expires_at;
  if (at === null) throw new TypeError('A request without a deadline is in no list by deadline.');
  return { at: at.toISOString(), id: row.id };
}

/** The cursor after a row. Callers send it back unchanged, and with the same sort. */
export function cursorAfter(row: RequestRow, sort: InboxSort): string {
  const { at, id } = positionAfter(row, sort);
  return Buffer.from([at, id, ...(sort === 'newest' ? [] : [sort])].join(' ')).toString('base64url');
}

/** The position of a cursor, or null for none. Refuses (`invalid_request`) what `cursorAfter` never made for this sort. */
export function positionOf(cursor: string | undefined, sort: InboxSort): ListPosition | null {
  if (cursor === undefined) return null;
  const parts = Buffer.from(cursor, 'base64url').toString('utf8').split(' ');
  const parsed = CURSORS[sort].safeParse(parts);
  if (!parsed.success) throw new KeyturnError('invalid_request', 'The cursor does not belong to this list.');
  return { at: parsed.data[0], id: parsed.data[1] };
}
