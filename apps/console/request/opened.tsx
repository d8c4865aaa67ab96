import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  type ReactNode,
} from 'react';

import type { SectionName } from './view.ts';
import { hasBeenSeen } from './seen.ts';

interface Opened {
  readonly note: (section: SectionName) => void;
  readonly list: () => readonly SectionName[];
}

const OpenedContext = createContext<Opened | null>(null);

/** Remembers which parts of this card were before somebody's eyes. Another card begins anew. */
export function OpenedSections({
  digest,
  children,
}: {
  readonly digest: string;
  readonly children: ReactNode;
}) {
  const sections = useRef({ digest, names: new Set<SectionName>() });
  if (sections.current.digest !== digest) sections.current = { digest, names: new Set() };
  const opened = useMemo(
    () => ({
      note: (section: SectionName) => void sections.current.names.add(section),
      list: () => [...sections.current.names].sort(),
    }),
    [],
  );
  return <OpenedContext value={opened}>{children}</OpenedContext>;
}

/** What was opened so far, as the client states it beside a decision. */
export function useOpened(): Opened['list'] {
  const opened = useContext(OpenedContext);
  return opened?.list ?? (() => []);
}

const SEEN_AFTER_MS = 400;
const THRESHOLDS = [0, 0.1, 0.25, 0.5, 0.75, 1];

/** A section counts once enough of it was on the screen for a moment, and nothing of it was folded away. */
export function useNotesSeen(
  section: SectionName | undefined,
  isWhole: boolean,
): (element: Element | null) => void {
  const opened = useContext(OpenedContext);
  const [element, setElement] = useState<Element | null>(null);
  useEffect(() => {
    if (!element || !section || !isWhole || !opened) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const observer = new IntersectionObserver(
      ([entry]) => {
        clearTimeout(timer);
        if (entry && hasBeenSeen(entry)) timer = setTimeout(() => opened.note(section), SEEN_AFTER_MS);
      },
      { threshold: THRESHOLDS },
    );
    observer.observe(element);
    return () => {
      clearTimeout(timer);
      observer.disconnect();
    };
  }, [element, section, isWhole, opened]);
  return useCallback((next: Element | null) => setElement(next), []);
}
