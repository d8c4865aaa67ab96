import { NativeSelect, TextInput } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import type { FocusEvent, KeyboardEvent } from 'react';

import { sentence } from '../shown/words.ts';
import classes from './filters.module.css';
import type { RequestsSearch } from './search.ts';

const route = getRouteApi('/requests');

const CHOICES = {
  status: [
    'planning',
    'pending',
    'approved',
    'executing',
    'succeeded',
    'failed',
    'indeterminate',
    'active',
    'revoked',
    'denied',
    'expired',
    'cancelled',
  ],
  risk: ['low', 'medium', 'high', 'critical'],
} as const;

const NAMED = ['action', 'target', 'environment'] as const;

const DAYS = { from: 'Created from', to: 'Created until' } as const;

interface FiltersProps {
  readonly search: RequestsSearch;
}

/** What the list is filtered by: all of it stands in the URL. */
export function Filters({ search }: FiltersProps) {
  const navigate = route.useNavigate();
  const set = (name: keyof RequestsSearch, value: string): void => {
    void navigate({ search: (now) => ({ ...now, [name]: value }), replace: true });
  };
  const typed = (name: keyof RequestsSearch) => ({
    defaultValue: search[name] ?? '',
    onBlur: ({ currentTarget: { value } }: FocusEvent<HTMLInputElement>) => set(name, value.trim()),
    onKeyDown: ({ key, currentTarget: { value } }: KeyboardEvent<HTMLInputElement>) =>
      key === 'Enter' && set(name, value.trim()),
  });
  return (
    <>
      <TextInput
        // Another value in the URL, as a link gives it, is shown as well.
        key={`q ${search.q ?? ''}`}
        {...typed('q')}
        mb="xs"
        maw="36rem"
        type="search"
        maxLength={200}
        aria-label="Search id, action, target, environment, person or summary"
        placeholder="Id, action, target, environment, person or summary"
      />
      <div className={classes.filters}>
        <Days search={search} set={set} />
        {(['status', 'risk'] as const).map((name) => (
          <NativeSelect
            key={name}
            size="xs"
            label={sentence(name)}
            data={[{ value: '', label: 'Any' }, ...CHOICES[name]]}
            value={search[name] ?? ''}
            onChange={({ currentTarget: { value } }) => set(name, value)}
          />
        ))}
        {NAMED.map((name) => (
          <TextInput
            {...typed(name)}
            key={`${name} ${search[name] ?? ''}`}
            size="xs"
            label={sentence(name)}
            placeholder="Any"
          />
        ))}
      </div>
    </>
  );
}

interface DaysProps extends FiltersProps {
  readonly set: (name: keyof RequestsSearch, value: string) => void;
}

function Days({ search, set }: DaysProps) {
  return (['from', 'to'] as const).map((name) => (
    <TextInput
      key={name}
      type="date"
      size="xs"
      label={DAYS[name]}
      value={search[name] ?? ''}
      onChange={({ currentTarget: { value } }) => set(name, value)}
    />
  ));
}
