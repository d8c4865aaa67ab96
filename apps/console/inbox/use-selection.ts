import { useMemo, useState } from 'react';

import type { RequestSummary } from '../../../contract/requests.ts';

/** How many requests one batch may decide. */
export const BATCH_MAX = 50;

/** Which lines were picked to be decided together. */
export interface Selection {
  /** Only what waits for this person can be picked. */
  readonly isOffered: boolean;
  readonly picked: readonly RequestSummary[];
  readonly isFull: boolean;
  readonly has: (id: string) => boolean;
  readonly toggle: (id: string) => void;
  readonly clear: () => void;
}

/** What left the list is not picked any more. */
export function useSelection(items: readonly RequestSummary[], isOffered: boolean): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const picked = useMemo(
    () => (isOffered ? items.filter(({ id }) => ids.has(id)).slice(0, BATCH_MAX) : []),
    [items, ids, isOffered],
  );
  const isFull = picked.length >= BATCH_MAX;
  return {
    isOffered,
    picked,
    isFull,
    has: (id) => ids.has(id),
    toggle: (id) =>
      setIds((now) => {
        const next = new Set(now);
        if (!next.delete(id) && !isFull) next.add(id);
        return next;
      }),
    clear: () => setIds(new Set()),
  };
}
