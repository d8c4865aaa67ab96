import { Button, Group, Modal, Stack, Text } from '@mantine/core';

import type { Ticket } from '../../../contract/decisions.ts';
import { Copyable } from '../shown/copyable.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Instant } from '../shown/instant.tsx';
import type { Act, Offer } from './acting.ts';
import { Section } from './section.tsx';
import classes from './ticket.module.css';
import type { Shown } from './view.ts';

interface TicketSectionProps {
  readonly offer: Offer;
  readonly shown: Pick<Shown, 'neededGrade'>;
  readonly isBusy: boolean;
  readonly onAct: (act: Act) => void;
}

/** For those who decide in the Temporal UI: what is approved or denied there is signed here. */
export function TicketSection({ offer: { acts }, shown, isBusy, onAct }: TicketSectionProps) {
  const needsProof = shown.neededGrade === 'A' || shown.neededGrade === 'B';
  const offered = acts.filter((act) => act === 'deny' || (act === 'approve' && !needsProof));
  if (offered.length === 0) return null;
  return (
    <Section title="Ticket for the Temporal UI">
      <p className={classes.words}>
        A signed decision that you paste there within ten minutes.
        {needsProof && ' Approving takes more than a ticket here, so only a denial is offered.'}
      </p>
      <div className={classes.offered}>
        {offered.map((act) => (
          <Button key={act} size="xs" variant="default" disabled={isBusy} onClick={() => onAct(act)}>
            {act === 'approve' ? 'Get an approval ticket' : 'Get a denial ticket'}
          </Button>
        ))}
      </div>
    </Section>
  );
}

/** The ticket, once. Nothing closes it by accident. */
export function TicketShown({ ticket, close }: { readonly ticket: Ticket; readonly close: () => void }) {
  return (
    <Modal
      opened
      onClose={close}
      title="Your ticket"
      size="lg"
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
    >
      <Stack gap="sm">
        <div className={classes.ticket}>
          <Copyable text={ticket.ticket} what="ticket" short={`${ticket.ticket.slice(0, 48)}…`} />
        </div>
        <Text>
          It is shown once, and can be used until <Instant at={ticket.expires_at} />. Nothing is decided
          before it is sent.
        </Text>
        <Text>
          <Foreign text={ticket.how_to_use} />
        </Text>
        <Group justify="flex-end">
          <Button data-autofocus onClick={close}>
            I have copied it
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
