import { Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { DecisionDialog } from '../request/decision-dialog.tsx';
import { shownQuery } from '../request/shown-query.ts';
import { Failure } from '../shell/failure.tsx';

interface WithdrawProps {
  readonly id: string;
  readonly onClose: () => void;
  readonly onDone: (text: string) => void;
}

/** Asks whether a request shall end, and why. Says what keeps it from that, where something does. */
export function Withdraw({ id, onClose, onDone }: WithdrawProps) {
  const { data, error } = useQuery(shownQuery(id));
  const refusal = data?.refusals.withdraw ?? null;
  if (data && refusal === null)
    return (
      <DecisionDialog
        act="withdraw"
        shown={data}
        opened={() => []}
        onClose={onClose}
        onDone={(text) => {
          onDone(text);
          onClose();
        }}
      />
    );
  if (!error && refusal === null) return null;
  return (
    <Modal
      opened
      onClose={onClose}
      title="It cannot be withdrawn"
      transitionProps={{ duration: 0 }}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {error ? <Failure error={error} /> : refusal?.detail}
    </Modal>
  );
}
