import { useEffect, useState, type ReactNode } from 'react';

import classes from './wide.module.css';

/** What may be wider than the page scrolls on its own, by keyboard too, and shows at its edge that there is more. */
export function Wide({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const [hasMore, setHasMore] = useState(false);
  useEffect(() => {
    if (!element) return undefined;
    const look = (): void => setHasMore(element.scrollLeft + element.clientWidth < element.scrollWidth - 1);
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [element]);
  return (
    <div className={classes.wide} data-more={hasMore || undefined}>
      <div ref={setElement} className={classes.scroll} tabIndex={0} role="region" aria-label={label}>
        {children}
      </div>
    </div>
  );
}
