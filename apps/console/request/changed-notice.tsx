import { Button } from '@mantine/core';

import { Foreign } from '../shown/foreign.tsx';
import { Note } from './note.tsx';
import type { Change } from './changes.ts';
import classes from './decision-dialog.module.css';

interface ChangedNoticeProps {
  readonly changes: readonly Change[];
  readonly onRead: () => void;
}

/** What is other than when the person began to read: the page shows the new, and says what it is. */
export function ChangedNotice({ changes, onRead }: ChangedNoticeProps) {
  return (
    <div aria-live="polite">
      {changes.length > 0 && (
        <Note
          tone={changes.some(({ isDecisive }) => isDecisive) ? 'warning' : 'plain'}

          title="This has changed since you opened it"
        >
          <ul className={classes.changes}>
            {changes.map(({ text }) => (
              <li key={text}>
                <Foreign text={text} />
              </li>
            ))}
          </ul>
          <Button size="compact-sm" variant="default" onClick={onRead}>
            I have read it
          </Button>
        </Note>
      )}
    </div>
  );
}
