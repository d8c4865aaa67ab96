import { Alert, Button } from '@mantine/core';

import { Foreign } from '../shown/foreign.tsx';
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
        <Alert
          color={changes.some(({ isDecisive }) => isDecisive) ? 'yellow' : 'blue'}
          variant="light"
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
        </Alert>
      )}
    </div>
  );
}
