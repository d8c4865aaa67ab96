import { Button, Group, Modal, Stack, Textarea } from '@mantine/core';
import type { ReactNode } from 'react';

import { Failure } from './failure.tsx';

interface FormDialogProps {
  readonly title: string;
  /** What closing it means, for those who hear the page. */
  readonly closes: string;
  readonly button: string;
  readonly isDangerous?: boolean;
  readonly sending: { readonly error: Error | null; readonly isPending: boolean };
  readonly close: () => void;
  readonly submit: () => void;
  readonly children: ReactNode;
}

/** A dialog that sends what is filled in, or says why it was refused. */
export function FormDialog(props: FormDialogProps) {
  const { title, closes, button, isDangerous = false, sending, close, submit, children } = props;
  return (
    <Modal
      opened
      onClose={close}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': closes }}
      title={title}
      size="lg"
      transitionProps={{ duration: 0 }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Stack gap="sm">
          {children}
          {sending.error && <Failure error={sending.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" {...(isDangerous && { color: 'red' })} loading={sending.isPending}>
              {button}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

interface ReasonProps {
  readonly label?: string;
  readonly description: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** Why, in a person's own words. */
export function Reason({ label = 'Reason', description, value, onChange }: ReasonProps) {
  return (
    <Textarea
      label={label}
      description={description}
      required
      withAsterisk={false}
      autosize
      minRows={2}
      maxRows={12}
      maxLength={4_000}
      value={value}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}
