import { Button, Loader, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { SwitchList, SwitchView } from '../../../contract/switches.ts';
import { get } from '../api/calls.ts';
import { useIsOperator } from '../session/me.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { Engage } from './engage.tsx';
import { Release } from './release.tsx';
import { EngagedSwitch, ReleasedSwitch } from './switch-line.tsx';
import classes from './switches.module.css';
import { useSwitchForm } from './use-switch-form.ts';
import { EMPTY_FORM } from './switch-words.ts';

/** They are on no stream of changes, and somebody who looks at them waits for one. */
const REFRESH_MS = 5_000;

/** The kill switches: what is stopped now, by whom and why, and what was. */
export function SwitchesPage() {
  const isOperator = useIsOperator();
  const [form, setForm] = useSwitchForm();
  const [releasing, setReleasing] = useState<SwitchView | null>(null);
  const [done, setDone] = useState('');
  const engaged = useSwitches();
  const ended = (text: string): void => {
    setDone(text);
    setForm(null);
    setReleasing(null);
  };
  return (
    <Page
      title="Kill switches"
      aside={
        isOperator && (
          <Button color="red" onClick={() => setForm(EMPTY_FORM)}>
            Stop something…
          </Button>
        )
      }
    >
      <p role="status" className={classes.done} hidden={done === ''}>
        {done}
      </p>
      {engaged.isPending && <Loader size="sm" />}
      {engaged.error && <Failure error={engaged.error} retry={() => void engaged.refetch()} />}
      <Stack gap="xl">
        {engaged.data && (
          <EngagedList
            items={engaged.data.items}
            isOperator={isOperator}
            release={isOperator ? setReleasing : undefined}
          />
        )}
        <Released />
      </Stack>
      {form && <Engage form={form} set={setForm} done={ended} />}
      {releasing && <Release engaged={releasing} close={() => setReleasing(null)} done={ended} />}
    </Page>
  );
}

function useSwitches(state?: 'lifted') {
  return useQuery({
    queryKey: ['switches', state ?? 'engaged'],
    queryFn: ({ signal }) => get<SwitchList>('/v1/switches', { state }, signal),
    refetchInterval: REFRESH_MS,
  });
}

interface EngagedListProps {
  readonly items: readonly SwitchView[];
  readonly isOperator: boolean;
  readonly release: ((engaged: SwitchView) => void) | undefined;
}

function EngagedList({ items, isOperator, release }: EngagedListProps) {
  if (items.length > 0)
    return (
      <ul className={classes.lines} aria-label="Engaged">
        {items.map((engaged) => (
          <EngagedSwitch key={engaged.id} engaged={engaged} release={release} />
        ))}
      </ul>
    );
  return (
    <Stack gap="xs" maw="44rem">
      <Text>Nothing is stopped.</Text>
      <Text className="keyturn-quiet">
        A kill switch stops an agent, an action, a target or everything, from the moment in which it is
        engaged. {isOperator ? 'You can engage one.' : 'Operators, whom the policy names, engage it.'} Two
        operators release it.
      </Text>
    </Stack>
  );
}

function Released() {
  const released = useSwitches('lifted');
  if (!released.data || released.data.items.length === 0) return null;
  return (
    <section aria-labelledby="released">
      <Title order={2} size="h4" id="released">
        Released
      </Title>
      <ul className={classes.lines}>
        {released.data.items.map((one) => (
          <ReleasedSwitch key={one.id} released={one} />
        ))}
      </ul>
    </section>
  );
}
