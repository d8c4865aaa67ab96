import { Button, Group, Modal, MultiSelect, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { SyntheticEvent } from 'react';

import type { ActionCatalogue } from '../../../contract/actions.ts';
import type { CreatedKey, KeyAgent } from '../../../contract/api-keys.ts';
import { get, isProblem } from '../api/calls.ts';
import { usePost, useSession } from '../session/session.ts';
import { goToFreshSignIn } from '../session/sign-in.ts';
import { Failure } from '../shell/failure.tsx';
import { Instant } from '../shown/instant.tsx';
import { API_KEYS, bodyOf, endOf, LASTS, type KeyForm } from './key-form.ts';

interface FormProps {
  readonly form: KeyForm;
  readonly agents: readonly KeyAgent[];
  /** Null closes it and forgets what was typed. */
  readonly set: (form: KeyForm | null) => void;
}

interface NewKeyProps extends FormProps {
  readonly made: (key: CreatedKey) => void;
}

/** Makes a key. */
export function NewKey({ form, agents, set, made }: NewKeyProps) {
  const creation = useCreation(made);
  const close = (): void => set(null);
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    creation.mutate(form);
  };
  return (
    <Modal
      opened
      onClose={close}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': 'Close' }}
      title={form.follows === null ? 'New API key' : 'Rotate an API key'}
      size="lg"
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          {form.follows !== null && (
            <Text className="keyturn-quiet">
              A second key for the same. <code>{form.follows}_…</code> works on until you revoke it.
            </Text>
          )}
          <Fields form={form} agents={agents} set={set} />
          <Refusal error={creation.error} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" loading={creation.isPending}>
              Make the key
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function useCreation(made: (key: CreatedKey) => void) {
  const send = usePost();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (form: KeyForm) =>
      (await send<CreatedKey>('/v1/api-keys', { body: bodyOf(form) })).answer,
    // The key is in this answer alone, which is kept no longer than it is shown.
    gcTime: 0,
    onSuccess: made,
    // Also where the answer was lost: then there is a key that nobody has seen.
    onSettled: () => client.invalidateQueries({ queryKey: API_KEYS }),
  });
}

function Fields({ form, agents, set }: FormProps) {
  const choices = agents.filter(({ may_change: may, is_active: isActive }) => may && isActive);
  return (
    <>
      <NativeSelect
        label="Agent"
        data={choices.map(({ id, name }) => ({ value: id, label: name === id ? id : `${name} (${id})` }))}
        value={form.agent}
        onChange={({ currentTarget: { value } }) => set({ ...form, agent: value })}
      />
      <TextInput
        label="What uses it"
        description="For people, e.g. where it is stored"
        required
        maxLength={100}
        data-autofocus
        value={form.title}
        onChange={({ currentTarget: { value } }) => set({ ...form, title: value })}
      />
      <NativeSelect
        label="Lasts"
        description={
          <>
            Until <Instant at={endOf(form)} isWhole />
          </>
        }
        data={LASTS}
        value={form.days}
        onChange={({ currentTarget: { value } }) => set({ ...form, days: value })}
      />
      <Scope form={form} set={set} />
    </>
  );
}

function Scope({ form, set }: Pick<FormProps, 'form' | 'set'>) {
  const catalogue = useQuery({
    queryKey: ['actions'],
    queryFn: ({ signal }) => get<ActionCatalogue>('/v1/actions', {}, signal),
  });
  const actions = catalogue.data?.items ?? [];
  const targets = new Set(actions.flatMap((action) => action.targets.map(({ id }) => id)));
  const shared = { searchable: true, limit: 50, comboboxProps: { withinPortal: true } } as const;
  return (
    <>
      <MultiSelect
        {...shared}
        label="Only for these actions"
        placeholder={form.actions.length === 0 ? 'All that policy allows' : ''}
        data={[...new Set([...actions.map(({ action }) => action), ...form.actions])]}
        value={[...form.actions]}
        onChange={(value) => set({ ...form, actions: value })}
      />
      <MultiSelect
        {...shared}
        label="Only on these targets"
        placeholder={form.targets.length === 0 ? 'All that policy allows' : ''}
        data={[...new Set([...targets, ...form.targets])].toSorted()}
        value={[...form.targets]}
        onChange={(value) => set({ ...form, targets: value })}
      />
      {catalogue.error && <Failure error={catalogue.error} retry={() => void catalogue.refetch()} />}
    </>
  );
}

function Refusal({ error }: { readonly error: Error | null }) {
  const { identity } = useSession();
  if (error === null) return null;
  if (!isProblem(error, 'sign_in_again')) return <Failure error={error} />;
  return (
    <Group role="alert" justify="space-between" gap="sm">
      <Text>
        A key outlasts your session, so your identity provider has to ask you first. What you typed is kept.
        If it just asked you, it does not say so: have <code>auth_time</code> added to its ID tokens.
      </Text>
      <Button variant="light" onClick={() => goToFreshSignIn(identity)}>
        Sign in again
      </Button>
    </Group>
  );
}
