import { useMemo, useRef, useState } from 'react';

import type { RequestSummary } from '../../../contract/requests.ts';

/** What is done to a request, as it is chosen on a line. */
export type Act = 'approve' | 'deny' | 'defer';

/** The outcome of the last decision. */
export interface Done {
  readonly text: string;
  readonly request: Pick<RequestSummary, 'id' | 'action' | 'target'>;
}

/** On which line somebody is, which one is open, and what is about to be done with it. */
export interface Focus {
  readonly current: RequestSummary | null;
  /** To which line the keys moved, to be scrolled to; -1 for none. */
  readonly movedTo: number;
  /** Grows whenever the focus should go to the current line. */
  readonly wish: number;
  /** The wish that was granted last: lines come and go with scrolling and must not take the focus again. */
  readonly granted: { current: number };
  readonly isCurrent: (id: string) => boolean;
  readonly isOpen: (id: string) => boolean;
  readonly act: Act | null;
  readonly move: (by: number) => void;
  readonly toggle: (id: string) => void;
  readonly begin: (act: Act) => void;
  readonly cancel: () => void;
  readonly done: (done: Done) => void;
  readonly last: Done | null;
}

interface State {
  readonly current: string | null;
  readonly open: string | null;
  readonly act: Act | null;
  /** Where the current line is, or was before it left the list. */
  readonly index: number;
  readonly movedTo: number;
  readonly wish: number;
}

const NOWHERE: State = { current: null, open: null, act: null, index: -1, movedTo: -1, wish: 0 };

/** One line at a time: the next one is reached by its index when the current one left the list. */
export function useFocus(items: readonly RequestSummary[], onDone: (id: string) => void): Focus {
  const [state, setState] = useState(NOWHERE);
  const granted = useRef(0);
  const [last, setLast] = useState<Done | null>(null);
  const actions = useMemo(
    () => ({
      move: (by: number) => setState((now) => moved(now, items, by)),
      toggle: (id: string) => setState((now) => toggled(now, items, id)),
      begin: (act: Act) =>
        setState((now) =>
          now.current === null ? now : { ...now, open: now.current, act, movedTo: -1, wasActing: true },
        ),
      cancel: () => setState((now) => ({ ...now, act: null, wish: now.wish + 1 })),
      done: (next: Done) => {
        setLast(next);
        setState((now) => moved(now, items, 1));
        onDone(next.request.id);
      },
    }),
    [items, onDone],
  );
  return {
    ...actions,
    current: items.find(({ id }) => id === state.current) ?? null,
    movedTo: state.movedTo,
    wish: state.wish,
    granted,
    act: state.act,
    isCurrent: (id) => state.current === id,
    isOpen: (id) => state.open === id,
    last,
  };
}

function moved(now: State, items: readonly RequestSummary[], by: number): State {
  const index = items.findIndex(({ id }) => id === now.current);
  // A line that left makes room for the next one, which is then where it was.
  const from = index >= 0 ? index : by > 0 ? now.index - 1 : now.index;
  const to = Math.min(Math.max(from + by, 0), items.length - 1);
  const next = items[to];
  return next ? { current: next.id, index: to, open: null, act: null, movedTo: to, wish: now.wish + 1 } : now;
}

function toggled(now: State, items: readonly RequestSummary[], id: string): State {
  const index = items.findIndex((item) => item.id === id);
  return { current: id, index, open: now.open === id ? null : id, act: null, movedTo: -1, wish: now.wish };
}
