import { Button, Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { PolicyToday } from '../../../contract/policy-today.ts';
import { get } from '../api/calls.ts';
import { Failure } from '../shell/failure.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Instant } from '../shown/instant.tsx';
import classes from './history.module.css';
import { Facts, Section } from './section.tsx';

/** Would today's policy decide otherwise? On demand: it is evaluated then. */
export function PolicyTodayView({ id }: { readonly id: string }) {
  const [isWanted, setWanted] = useState(false);
  const { data, error, isLoading, refetch } = useQuery({
    queryKey: ['request', id, 'today'],
    queryFn: ({ signal }) => get<PolicyToday>(`/v1/requests/${encodeURIComponent(id)}/today`, {}, signal),
    enabled: isWanted,
  });
  return (
    <Section
      title="Would today’s policy decide otherwise?"
      aside={
        !isWanted && (
          <Button size="xs" variant="default" onClick={() => setWanted(true)}>
            Evaluate it
          </Button>
        )
      }
    >
      {!isWanted && (
        <p className={classes.more}>
          The active policy is held against the facts on record. Nothing changes by it.
        </p>
      )}
      {isLoading && <Loader size="xs" m="sm" />}
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && <Compared today={data} />}
    </Section>
  );
}

const WHY_NOT: Readonly<Record<string, string>> = {
  not_evaluated: 'Policy was not evaluated on this request yet.',
  facts_erased: 'It cannot be told: the facts on record were erased.',
  facts_altered: 'It cannot be told: the facts on record are not what their digest names. Tell an auditor.',
  target_removed: 'It cannot be told: the active policy has no such target any more.',
};

function Compared({
  today: { recorded, today, is_same: isSame, why_not: whyNot },
}: {
  readonly today: PolicyToday;
}) {
  return (
    <div role="status">
      <p className={classes.more}>
        <strong>
          {whyNot === null
            ? isSame
              ? 'No: it comes to the same.'
              : 'Yes, it would decide otherwise.'
            : WHY_NOT[whyNot]}
        </strong>
      </p>
      {recorded && (
        <>
          <p className={classes.more}>
            On record, <Instant at={recorded.at} isWhole />
          </p>
          <OutcomeView outcome={recorded} />
        </>
      )}
      {today && !isSame && (
        <>
          <p className={classes.more}>By the active policy</p>
          <OutcomeView outcome={today} />
        </>
      )}
    </div>
  );
}

function OutcomeView({ outcome }: { readonly outcome: NonNullable<PolicyToday['today']> }) {
  const { effect, risk, rules, seats } = outcome;
  return (
    <Facts
      items={[
        ['Effect', effect],
        ['Risk', risk ?? 'not on record'],
        ['Rules', <Foreign key="rules" text={rules.length === 0 ? 'none' : rules.join(', ')} />],
        ['Who must agree', <Foreign key="seats" text={seats.length === 0 ? 'nobody' : seats.join('; ')} />],
      ]}
    />
  );
}
