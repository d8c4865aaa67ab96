import { counted } from '../../../domain/cards/counted.ts';
import type { RequestView } from './view.ts';
import { grouped } from '../shown/words.ts';

interface ResultRows {
  readonly resource: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** The result of an action in words where its form is known, else as JSON; null while there is none. */
export function resultText(result: RequestView['result']): string | null {
  if (result === null) return null;
  if (isGiven(result))
    return `${result.decision}, valid until ${result.valid_until}; the requester performs it, not Keyturn`;
  if (!isOfRows(result)) return JSON.stringify(result);
  const rows = result.rows.map(rowsText).join('; ') || 'no rows changed';
  return result.transaction_id === null ? rows : `${rows} (transaction ${result.transaction_id})`;
}

function rowsText({ resource, inserted, updated, deleted }: ResultRows): string {
  const counts = [
    [inserted, 'inserted'],
    [updated, 'updated'],
    [deleted, 'deleted'],
  ] as const;
  const parts = counts.filter(([count]) => count > 0).map(([count, word]) => `${grouped(count)} ${word}`);
  return `${resource}: ${parts.join(', ') || counted(0, 'row')}`;
}

function isGiven(result: unknown): result is { decision: string; valid_until: string } {
  const given = result as { readonly decision?: unknown; readonly valid_until?: unknown };
  return typeof given.decision === 'string' && typeof given.valid_until === 'string';
}

function isOfRows(result: unknown): result is { rows: readonly ResultRows[]; transaction_id: string | null } {
  const { rows } = result as { readonly rows?: unknown };
  return (
    Array.isArray(rows) &&
    rows.every(
      (row: Partial<ResultRows>) => typeof row.resource === 'string' && typeof row.updated === 'number',
    )
  );
}
