import { z } from 'zod';

import type { RequestView } from '../../../contract/requests.ts';
import { visible, visibleJson } from '../../../domain/cards/visible.ts';

const rowsSchema = z.strictObject({
  rows: z.array(
    z.strictObject({ resource: z.string(), inserted: z.int(), updated: z.int(), deleted: z.int() }),
  ),
  transaction_id: z.string().nullable(),
});

const answerSchema = z.strictObject({
  decision: z.enum(['allowed', 'approved']),
  performed_by_keyturn: z.literal(false),
  valid_until: z.string(),
});

/** The result of an action, in words if its shape is known, else as JSON. */
export function resultText(result: RequestView['result']): string {
  const rows = rowsSchema.safeParse(result).data;
  if (rows) return rowsText(rows);
  const answer = answerSchema.safeParse(result).data;
  if (!answer) return visibleJson(result);
  return `${answer.decision}, valid until ${visible(answer.valid_until)}; the requester executes it, not Keyturn`;
}

function rowsText({ rows, transaction_id: transaction }: z.infer<typeof rowsSchema>): string {
  const changed = rows.map(({ resource, inserted, updated, deleted }) => {
    const counts = [
      [inserted, 'inserted'],
      [updated, 'updated'],
      [deleted, 'deleted'],
    ] as const;
    const parts = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
    return `${visible(resource)} ${parts.join(', ') || 'unchanged'}`;
  });
  const where = transaction === null ? '' : ` (transaction ${visible(transaction)})`;
  return `${changed.join('; ') || 'no rows changed'}${where}`;
}
