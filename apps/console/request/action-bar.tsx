import { Button } from '@mantine/core';

import type { Act, Offer } from './acting.ts';
import classes from './action-bar.module.css';

const LABELS: Readonly<Record<Act, string>> = {
  approve: 'Approve…',
  deny: 'Deny…',
  defer: 'Defer…',
  withdraw: 'Withdraw…',
  take_back: 'Take back…',
};

interface ActionBarProps {
  readonly offer: Offer;
  /** True while what is shown is being read again: nothing is decided on the old. */
  readonly isBusy: boolean;
  readonly onAct: (act: Act) => void;
}

/** What can be done now, within reach of a thumb; or why nothing can. */
export function ActionBar({ offer: { acts, because }, isBusy, onAct }: ActionBarProps) {
  if (acts.length === 0 && because === null) return null;
  return (
    <div className={classes.bar} role="group" aria-label="Decide">
      {because !== null && <p className={classes.because}>{because}</p>}
      {acts.length > 0 && (
        <div className={classes.buttons}>
          {acts.map((act) => (
            <Button
              key={act}
              className={classes[act]}
              variant={act === 'approve' ? 'filled' : act === 'deny' ? 'outline' : 'default'}
              disabled={isBusy}
              onClick={() => onAct(act)}
            >
              {LABELS[act]}
            </Button>
          ))}
        </div>
      )}
    </div>
  );
}
