import { NativeSelect, Select, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import type { ActionCatalogue } from '../../../contract/actions.ts';
import type { SwitchView } from '../../../contract/switches.ts';
import { get } from '../api/calls.ts';
import { usePost } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { FormDialog, Reason } from '../shell/form-dialog.tsx';
import { bodyOf, engagedText, scopeText, type SwitchForm } from './switch-words.ts';
import { Texts } from './texts.tsx';

interface FormProps {
  readonly form: SwitchForm;
  /** Null closes it and forgets what was typed. */
  readonly set: (form: SwitchForm | null) => void;
}

/** Takes what to stop and why, says what will happen, and engages a kill switch. */
export function Engage({ form, set, done }: FormProps & { readonly done: (text: string) => void }) {
  const engaging = useEngaging(done);
  return (
    <FormDialog
      title="Engage a kill switch"
      closes="Close, nothing is stopped"
      button="Engage"
      isDangerous
      sending={engaging}
      close={() => set(null)}
      submit={() => engaging.mutate(form)}
    >
      <NativeSelect
        label="Stop"
        data={KINDS}
        value={form.kind}
        onChange={({ currentTarget: { value } }) =>
          set({ ...form, kind: value as SwitchForm['kind'], value: '' })
        }
      />
      <Value form={form} set={set} />
      <Reason
        description="For people, and for the audit log"
        value={form.reason}
        onChange={(reason) => set({ ...form, reason })}
      />
      <Texts texts={engagedText({ kind: form.kind, value: form.value.trim() })} />
    </FormDialog>
  );
}

const KINDS: { readonly value: SwitchForm['kind']; readonly label: string }[] = [
  { value: 'all', label: 'Everything' },
  { value: 'agent', label: 'An agent' },
  { value: 'action', label: 'An action' },
  { value: 'target', label: 'A target' },
];

/** Which one. A name that is not there is refused by the server, which says what is like it. */
function Value({ form, set }: FormProps) {
  const { kind, value } = form;
  const catalogue = useQuery({
    queryKey: ['actions'],
    queryFn: ({ signal }) => get<ActionCatalogue>('/v1/actions', {}, signal),
    enabled: kind === 'action' || kind === 'target',
  });
  if (kind === 'all') return null;
  if (kind === 'agent')
    return (
      <TextInput
        label="Agent"
        description="Its id in the directory, or its account: the issuer, a space, the subject"
        required
        withAsterisk={false}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        value={value}
        onChange={({ currentTarget }) => set({ ...form, value: currentTarget.value })}
      />
    );
  const items = (catalogue.data?.items ?? []).filter(({ action }) => !action.startsWith('keyturn.'));
  const names =
    kind === 'action'
      ? items.map(({ action }) => action)
      : items.flatMap((action) => action.targets.map(({ id }) => id));
  return (
    <>
      <Select
        label={kind === 'action' ? 'Action' : 'Target'}
        required
        withAsterisk={false}
        searchable
        limit={50}
        data={[...new Set(names)].toSorted()}
        value={value === '' ? null : value}
        onChange={(chosen) => set({ ...form, value: chosen ?? '' })}
      />
      {catalogue.error && <Failure error={catalogue.error} retry={() => void catalogue.refetch()} />}
    </>
  );
}

function useEngaging(done: (text: string) => void) {
  const post = usePost();
  const client = useQueryClient();
  // One key for all attempts of this dialog: a repeat after a broken connection engages no second switch.
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  return useMutation({
    mutationFn: async (form: SwitchForm) =>
      (await post<SwitchView>('/v1/switches', { body: bodyOf(form), idempotencyKey })).answer,
    onSuccess: ({ scope }) => done(`${scopeText(scope)}: stopped.`),
    onSettled: () => client.invalidateQueries({ queryKey: ['switches'] }),
  });
}
