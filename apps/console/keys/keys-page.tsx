import { Button, Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { ApiKeyView, CreatedKey, KeyList } from '../../../contract/api-keys.ts';
import { get } from '../api/calls.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { AgentKeys } from './agent-keys.tsx';
import { API_KEYS, emptyForm, rotationOf, useKeyForm, type KeyForm } from './key-form.ts';
import { NewKey } from './new-key.tsx';
import { RevokeKey } from './revoke-key.tsx';
import { ShownOnce, type Made } from './shown-once.tsx';

/** The API keys of agents without an identity provider: those that the person may see. */
export function KeysPage() {
  const list = useQuery({
    queryKey: API_KEYS,
    queryFn: ({ signal }) => get<KeyList>('/v1/api-keys', {}, signal),
  });
  const [form, setForm] = useKeyForm();
  const first = list.data?.agents.find(({ may_change: may, is_active: isActive }) => may && isActive);
  return (
    <Page
      title="API keys"
      aside={first && <Button onClick={() => setForm(emptyForm(first.id))}>New key</Button>}
    >
      {list.isPending && <Loader size="sm" />}
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.data && <Keys list={list.data} form={form} set={setForm} />}
    </Page>
  );
}

interface KeysProps {
  readonly list: KeyList;
  readonly form: KeyForm | null;
  readonly set: (form: KeyForm | null) => void;
}

function Keys({ list: { agents, items }, form, set }: KeysProps) {
  const [revoking, setRevoking] = useState<ApiKeyView | null>(null);
  const [made, setMade] = useState<Made | null>(null);
  const show = (created: CreatedKey): void => {
    setMade({ created, follows: form?.follows ?? null });
    set(null);
  };
  if (agents.length === 0) return <NoAgents />;
  return (
    <>
      <Stack gap="lg">
        {agents.map((agent) => (
          <AgentKeys
            key={agent.id}
            agent={agent}
            keys={items.filter((key) => key.agent === agent.id)}
            rotate={(key) => set(rotationOf(key))}
            revoke={setRevoking}
          />
        ))}
      </Stack>
      {form && <NewKey form={form} agents={agents} set={set} made={show} />}
      {made && <ShownOnce made={made} close={() => setMade(null)} />}
      {revoking && <RevokeKey apiKey={revoking} close={() => setRevoking(null)} />}
    </>
  );
}

function NoAgents() {
  return (
    <Stack gap="xs" maw="44rem">
      <Text>No agent of yours calls with API keys.</Text>
      <Text className="keyturn-quiet">
        An agent whose identity provider gives it tokens needs none. Another one gets{' '}
        <code>issuer: keyturn</code> and you as its <code>owner</code> in the directory of the policy: then
        you make its keys here.
      </Text>
    </Stack>
  );
}
