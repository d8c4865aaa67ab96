import { useCallback, useMemo, useState } from 'react';

import type { RequestSummary } from '../../../contract/requests.ts';

/** What is done to a request, as it is chosen on a line. */
export type Act = 'approve' | 'deny' | 'defer';

/** What became of the last decision. */
export interface Done {
  readonly act: Act;
  readonly request: Pick<RequestSummary, 'id' | 'action' | 'target'>;
  /** False: durable, and not counted yet. */
  readonly isCounted: boolean;
}

/** On which line somebody is, which one is open, and what is about to be done with it. */
export interface Focus {
  readonly current: RequestSummary | null;
  /** To which line the keys moved, to be scrolled to; -1 for none. */
  readonly movedTo: number;
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
  readonly movedTo: number;
}

const NOWHERE: State = { current: null, open: null, act: null, movedTo: -1 };

/** One line at a time: the next one is reached by its place when the current one left the list. */
export function useFocus(items: readonly RequestSummary[], onDone: (id: string) => void): Focus {
  const [state, setState] = useState(NOWHERE);
  const [place, setPlace] = useState(-1);
  const [last, setLast] = useState<Done | null>(null);
  const index = items.findIndex(({ id }) => id === state.current);
  const current = items[index] ?? null;
  const move = useCallback(
    (by: number) => {
      // A line that left makes room for the next one, which is then where it was.
      const from = index >= 0 ? index : by > 0 ? place - 1 : place;
      const to = Math.min(Math.max(from + by, 0), items.length - 1);
      const next = items[to];
      if (!next) return;
      setPlace(to);
      setState({ current: next.id, open: null, act: null, movedTo: to });
    },
    [index, items, place],
  );
  const toggle = useCallback(
    (id: string) => {
      setPlace(items.findIndex((item) => item.id === id));
      setState((now) => ({ current: id, open: now.open === id ? null : id, act: null, movedTo: -1 }));
    },
    [items],
  );
  const begin = useCallback(
    (act: Act) => setState((now) => (now.current === null ? now : { ...now, open: now.current, act })),
    [],
  );
  const cancel = useCallback(() => setState((now) => ({ ...now, act: null })), []);
  const done = useCallback(
    (next: Done) => {
      setLast(next);
      setState((now) => ({ ...now, open: null, act: null }));
      onDone(next.request.id);
    },
    [onDone],
  );
  return useMemo(
    () => ({
      current,
      movedTo: state.movedTo,
      act: state.act,
      isCurrent: (id) => state.current === id,
      isOpen: (id) => state.open === id,
      move,
      toggle,
      begin,
      cancel,
      done,
      last,
    }),
    [current, state, move, toggle, begin, cancel, done, last],
  );
}
