import { Kbd, Modal, Switch, Table } from '@mantine/core';

import { useShortcuts } from './use-keys.ts';

const KEYS = [
  [['j', 'k'], 'next and previous line'],
  [['Enter'], 'open or close the line'],
  [['a'], 'approve: shows what will happen first'],
  [['d'], 'deny'],
  [['s'], 'defer: until later, or to others'],
  [['x'], 'pick the line, to decide several together'],
  [['o'], 'the whole request'],
  [['/'], 'search'],
  [['?'], 'this list'],
] as const;

/** What keys do in the inbox, and the way to switch them off. */
export function KeysHelp({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  const [isOn, setOn] = useShortcuts();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Shortcuts"
      centered
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Table verticalSpacing={6}>
        <Table.Tbody>
          {KEYS.map(([keys, what]) => (
            <Table.Tr key={what}>
              <Table.Th w="6rem" scope="row">
                {keys.map((key) => (
                  <Kbd key={key} mr={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Th>
              <Table.Td>{what}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Switch
        mt="md"
        checked={isOn}
        onChange={({ currentTarget: { checked } }) => setOn(checked)}
        label="Shortcuts of one key"
        description="Switch it off if you speak to your computer, or press keys by accident. For this browser."
      />
    </Modal>
  );
}
