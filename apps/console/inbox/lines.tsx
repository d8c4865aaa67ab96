import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';

import { Line } from './line.tsx';
import classes from './lines.module.css';
import type { Inbox } from './use-inbox.ts';
import type { Focus } from './use-focus.ts';
import type { Selection } from './use-selection.ts';

const LINE_PX = 45;
/** How many lines before the end the next page is read. */
const AHEAD = 40;

interface LinesProps {
  readonly inbox: Inbox;
  readonly focus: Focus;
  readonly selection: Selection;
}

/** The lines, of which only those near the screen are in the page: ten thousand scroll as ten do. */
export function Lines({ inbox, focus, selection }: LinesProps) {
  const { items, hasMore, readMore } = inbox;
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), [items.length]);
  const virtualizer = useWindowVirtualizer({
    count: items.length,
    estimateSize: () => LINE_PX,
    // Another function would have all lines measured anew with every frame.
    getItemKey: useCallback((index: number) => items[index]?.id ?? index, [items]),
    overscan: 12,
    scrollMargin: top,
    // The heading, the filters and the bars of a phone cover both ends.
    scrollPaddingStart: 120,
    scrollPaddingEnd: 120,
  });
  const lines = virtualizer.getVirtualItems();
  const last = lines.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= items.length - AHEAD) readMore();
  }, [hasMore, last, items.length, readMore]);
  useEffect(() => {
    if (focus.movedTo >= 0) virtualizer.scrollToIndex(focus.movedTo, { align: 'auto' });
  }, [focus.movedTo, virtualizer]);
  return (
    <div
      ref={list}
      role="list"
      aria-label="Requests that wait"
      className={classes.lines}
      style={{ height: virtualizer.getTotalSize() }}
    >
      {lines.map(({ index, key, start }) => (
        <div
          key={key}
          ref={virtualizer.measureElement}
          data-index={index}
          role="listitem"
          aria-setsize={hasMore ? -1 : items.length}
          aria-posinset={index + 1}
          className={classes.located}
          style={{ transform: `translateY(${start - top}px)` }}
        >
          <LineAt items={items} index={index} focus={focus} selection={selection} />
        </div>
      ))}
    </div>
  );
}

interface LineAtProps extends Omit<LinesProps, 'inbox'> {
  readonly items: Inbox['items'];
  readonly index: number;
}

function LineAt({ items, index, focus, selection }: LineAtProps) {
  const item = items[index];
  return item && <Line item={item} focus={focus} selection={selection} />;
}
