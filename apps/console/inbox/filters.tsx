import { Button, CloseButton, Group, NativeSelect, TextInput } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useRef, useState, type RefObject } from 'react';

import type { InboxPage } from '../../../contract/requests.ts';
import { cappedText } from '../shown/words.ts';
import classes from './filters.module.css';
import type { InboxSearch } from './search.ts';

const route = getRouteApi('/inbox');

const SCOPES = [
  { scope: undefined, count: 'me', label: 'For you' },
  { scope: 'groups', count: 'groups', label: 'Your groups' },
  { scope: 'all', count: 'all', label: 'All' },
] as const;

const TYPING_MS = 250;

interface FiltersProps {
  readonly search: InboxSearch;
  readonly counts: InboxPage['counts'];
  readonly field: RefObject<HTMLInputElement | null>;
}

/** Whose requests, in which order, and with which words in them: all of it stands in the URL. */
export function Filters({ search, counts, field }: FiltersProps) {
  const navigate = route.useNavigate();
  const set = (more: Partial<Record<keyof InboxSearch, string | undefined>>): void =>
    void navigate({ search: (now) => ({ ...now, ...more }) as InboxSearch, replace: true });
  return (
    <Group className={classes.filters} gap="xs">
      <div role="group" aria-label="Whose requests" className={classes.scopes}>
        {SCOPES.map(({ scope, count, label }) => (
          <Button
            key={label}
            size="compact-md"
            variant={search.scope === scope ? 'light' : 'subtle'}
            color={search.scope === scope ? 'key' : 'gray'}
            aria-pressed={search.scope === scope}
            className={classes.scope}
            onClick={() => set({ scope })}
          >
            {label}
            {counts && <span className={classes.count}>{cappedText(counts[count])}</span>}
          </Button>
        ))}
      </div>
      <Words value={search.q ?? ''} onChange={(q) => set({ q: q === '' ? undefined : q })} field={field} />
      <NativeSelect
        size="xs"
        className={classes.sort}
        aria-label="Order"
        data={[
          { value: 'deadline', label: 'Expires first' },
          { value: 'newest', label: 'Newest first' },
        ]}
        value={search.sort ?? 'deadline'}
        onChange={({ currentTarget: { value } }) => set({ sort: value === 'newest' ? value : undefined })}
      />
    </Group>
  );
}

interface WordsProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly field: RefObject<HTMLInputElement | null>;
}

/** Looks once somebody pauses: each look is a call. */
function Words({ value, onChange, field }: WordsProps) {
  const [typed, setTyped] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setTyped(value), [value]);
  const type = (text: string, delayMs = TYPING_MS): void => {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onChange(text.trim()), delayMs);
  };
  return (
    <TextInput
      ref={field}
      size="xs"
      className={classes.words}
      aria-label="Search action, target, requester or id"
      placeholder="Action, target, requester or id"
      maxLength={200}
      value={typed}
      onChange={({ currentTarget }) => type(currentTarget.value)}
      onKeyDown={({ key, currentTarget }) => key === 'Escape' && currentTarget.blur()}
      rightSection={
        typed !== '' && <CloseButton size="sm" aria-label="Clear the search" onClick={() => type('', 0)} />
      }
    />
  );
}
