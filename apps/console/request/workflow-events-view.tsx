import { Button, Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { WorkflowEvents } from '../../../contract/workflow-events.ts';
import { get } from '../api/calls.ts';
import { Foreign } from '../shown/foreign.tsx';
import { Instant } from '../shown/instant.tsx';
import { grouped } from '../shown/words.ts';
import { Failure } from '../shell/failure.tsx';
import classes from './workflow-events-view.module.css';

type Event = WorkflowEvents['items'][number];
type Activity = WorkflowEvents['activities'][number];

interface WorkflowProps {
  readonly id: string;
  readonly version: number;
  /** The workflow in the Temporal UI; null where that is not known. */
  readonly link: string | null;
}

/** What Temporal keeps about the workflow, read when somebody wants it: for those who look into why it stands still. */
export function WorkflowEventsView({ id, version, link }: WorkflowProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div className={classes.part}>
      <div className={classes.bar}>
        <Button size="compact-sm" variant="default" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Hide the events of Temporal' : 'Show the events of Temporal'}
        </Button>
        {link !== null && (
          <a href={link} target="_blank" rel="noreferrer">
            Open in the Temporal UI
          </a>
        )}
      </div>
      {isOpen && <Events id={id} version={version} />}
    </div>
  );
}

function Events({ id, version }: Omit<WorkflowProps, 'link'>) {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['request', id, 'workflow-events', version],
    queryFn: ({ signal }) =>
      get<WorkflowEvents>(`/v1/requests/${encodeURIComponent(id)}/workflow-events`, {}, signal),
    placeholderData: (before) => before,
  });
  if (isPending) return <Loader size="xs" m="sm" aria-label="Loading" />;
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (data.status === null)
    return (
      <p className={classes.note}>Temporal has no workflow of this request, or does not keep it any more.</p>
    );
  return (
    <>
      <p className={classes.note}>
        Workflow <Foreign text={data.status.toLowerCase().replaceAll('_', ' ')} />. Anybody who can write to
        the namespace of Temporal can choose these names; the audit entries above are what Keyturn recorded.
      </p>
      {data.activities.map((activity, index) => (
        <ActivityView key={index} activity={activity} />
      ))}
      <EventTable items={data.items} />
      {data.is_cut && (
        <p className={classes.note}>
          These are the first {grouped(data.items.length)} events: the Temporal UI shows all of them.
        </p>
      )}
    </>
  );
}

function ActivityView({
  activity: { name, attempt, failure, next_at: next },
}: {
  readonly activity: Activity;
}) {
  return (
    <p className={classes.note} role="status">
      <strong>
        <Foreign text={name} />
      </strong>{' '}
      is not done: attempt {grouped(attempt)}
      {failure !== null && (
        <>
          , the one before failed with <Foreign text={failure} />
        </>
      )}
      {next !== null && (
        <>
          , tried again at <Instant at={next} />
        </>
      )}
      .
    </p>
  );
}

function EventTable({ items }: { readonly items: readonly Event[] }) {
  return (
    <div className={classes.scroll} tabIndex={0} role="group" aria-label="Events of Temporal">
      <table className={classes.events}>
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">Time</th>
            <th scope="col">Type</th>
            <th scope="col">Name</th>
            <th scope="col">Attempt</th>
            <th scope="col">Failure</th>
          </tr>
        </thead>
        <tbody>
          {items.map((event) => (
            <tr key={event.id}>
              <td>{event.id}</td>
              <td>{event.at !== null && <Instant at={event.at} />}</td>
              <td>{event.type}</td>
              <td>{event.name !== null && <Foreign text={event.name} />}</td>
              <td>{event.attempt}</td>
              <td>{event.failure !== null && <Foreign text={event.failure} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
