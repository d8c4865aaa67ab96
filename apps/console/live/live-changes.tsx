import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';

import { checkSession, useSession } from '../session/session.ts';
import { BrowserStream, type LiveMessage } from './browser-stream.ts';

/** Called with each change, and with null when everything may have changed. */
type Listener = (change: Extract<LiveMessage, { readonly kind: 'changed' }>['change'] | null) => void;

interface Live {
  readonly isOpen: boolean;
  readonly listeners: Set<Listener>;
}

const LiveContext = createContext<Live>({ isOpen: true, listeners: new Set() });

/** False while changes do not arrive: what the page shows may be old. */
export function useIsLive(): boolean {
  return useContext(LiveContext).isOpen;
}

/** Calls the listener with each change. Give it the same function each time. */
export function useChanges(listener: Listener): void {
  const { listeners } = useContext(LiveContext);
  useEffect(() => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, [listeners, listener]);
}

/** Queries of lists begin with `list`, those of one request with `request` and its id: changes make them stale. */
export function LiveChanges({ children }: { readonly children: ReactNode }) {
  const client = useQueryClient();
  const { id } = useSession();
  const [isOpen, setOpen] = useState(true);
  const [listeners] = useState(() => new Set<Listener>());
  useEffect(() => {
    const lists = new ListRefresh(client);
    const onMessage = (message: LiveMessage): void => {
      if (message.kind === 'state') return setOpen(message.isOpen);
      const change = message.kind === 'reset' ? null : message.change;
      void client.invalidateQueries({ queryKey: change ? ['request', change.request] : ['request'] });
      for (const listener of listeners) listener(change);
      lists.note();
    };
    const stream = new BrowserStream({
      session: id,
      onMessage,
      onRefused: () => void checkSession(client),
    });
    return () => {
      stream.end();
      lists.end();
    };
  }, [client, id, listeners]);
  const live = useMemo(() => ({ isOpen, listeners }), [isOpen, listeners]);
  return <LiveContext value={live}>{children}</LiveContext>;
}

const PAUSE_MS_MIN = 1_000;
const PAUSE_PER_REFRESH = 4;

/** Refreshes lists soon after a change, and never spends more than a fifth of the time on it, however long they are. */
class ListRefresh {
  readonly #client: QueryClient;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = PAUSE_MS_MIN;

  constructor(client: QueryClient) {
    this.#client = client;
  }

  note(): void {
    this.#timer ??= setTimeout(() => void this.#refresh(), this.#pauseMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  async #refresh(): Promise<void> {
    const begun = performance.now();
    this.#timer = undefined;
    await this.#client.invalidateQueries({ queryKey: ['list'] }, { cancelRefetch: false });
    this.#pauseMs = Math.max(PAUSE_MS_MIN, (performance.now() - begun) * PAUSE_PER_REFRESH);
  }
}
