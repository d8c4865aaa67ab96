import type { ReactNode } from 'react';

import classes from './note.module.css';

interface NoteProps {
  readonly tone: 'plain' | 'good' | 'warning' | 'bad';
  readonly title: string;
  /** Read out at once when it appears. */
  readonly isAlert?: boolean;
  readonly children: ReactNode;
}

/** Something to know before all else. */
export function Note({ tone, title, isAlert = false, children }: NoteProps) {
  return (
    <div className={classes.note} data-tone={tone} {...(isAlert && { role: 'alert' })}>
      <strong>{title}</strong>
      <div>{children}</div>
    </div>
  );
}
