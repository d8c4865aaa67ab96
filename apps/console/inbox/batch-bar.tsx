import { Button, Text } from '@mantine/core';
import { useState } from 'react';

import classes from './batch-bar.module.css';
import type { BatchVerdict } from './batch.ts';
import { BatchDialog } from './batch-dialog.tsx';
import { BATCH_MAX, type Selection } from './use-selection.ts';

interface BatchBarProps {
  readonly selection: Selection;
  readonly onDecided: (id: string) => void;
}

/** What can be done with the lines that were picked. */
export function BatchBar({ selection, onDecided }: BatchBarProps) {
  const [verdict, setVerdict] = useState<BatchVerdict | null>(null);
  const { picked, isFull, clear } = selection;
  if (picked.length === 0 && verdict === null) return null;
  return (
    <>
      <div className={classes.bar} role="region" aria-label="Picked requests">
        <Text fw={600} className={classes.count}>
          {picked.length} picked{isFull && `, the most there may be (${BATCH_MAX})`}
        </Text>
        <Button size="xs" onClick={() => setVerdict('approve')}>
          Approve…
        </Button>
        <Button size="xs" variant="default" onClick={() => setVerdict('deny')}>
          Deny…
        </Button>
        <Button size="xs" variant="subtle" color="gray" onClick={clear}>
          Clear
        </Button>
      </div>
      {verdict && (
        <BatchDialog
          verdict={verdict}
          picked={picked}
          onDecided={onDecided}
          onClose={() => setVerdict(null)}
        />
      )}
    </>
  );
}
