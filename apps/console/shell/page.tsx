import { Group, Title } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';

import { visible } from '../../../domain/cards/visible.ts';
import { useIsLive } from '../live/live-changes.tsx';
import { Foreign } from '../shown/foreign.tsx';
import classes from './page.module.css';
import { useWaitingCount } from './waiting-count.ts';

interface PageProps {
  readonly title: string;
  /** Beside the title: what the page offers as a whole. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

/** A page with its heading, which is the title of the tab as well. */
export function Page({ title, aside, children }: PageProps) {
  const waiting = useWaitingCount();
  useEffect(() => {
    document.title = `${waiting === '0' ? '' : `(${waiting}) `}${visible(title)} · Keyturn`;
  }, [title, waiting]);
  const isLive = useIsLive();
  return (
    <div className={classes.page}>
      <Group justify="space-between" gap="sm" className={classes.head}>
        <Title order={1} size="h3" className={classes.title}>
          <Foreign text={title} />
        </Title>
        {aside}
      </Group>
      {!isLive && (
        <p role="status" className={classes.notLive}>
          Changes do not arrive just now, so what you see may be old. Trying again.
        </p>
      )}
      {children}
    </div>
  );
}
