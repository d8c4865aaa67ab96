import { Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import type { RequestPage } from '../../../contract/requests.ts';
import type { SystemHealth } from '../../../contract/system-health.ts';
import { get } from '../api/calls.ts';
import { Failure } from '../shell/failure.tsx';
import { Ago } from '../shown/instant.tsx';
import { grouped } from '../shown/words.ts';
import { FOUND, FOUND_NAMES } from './health-words.ts';
import classes from './operations.module.css';

const SHOWN_MAX = 10;

/** Requests that somebody has to look at: outcomes that nobody knows, what does not move, and what sweeps found. */
export function Attention({ health: { overdue, wedged, findings } }: { readonly health: SystemHealth }) {
  const { unknown, ids, isMore } = useUnknown();
  const isQuiet = [ids, overdue, wedged, findings].every(({ length }) => length === 0);
  return (
    <section aria-labelledby="attention">
      <Title order={2} size="h4" id="attention">
        Requests to look at
      </Title>
      {unknown.error && <Failure error={unknown.error} retry={() => void unknown.refetch()} />}
      {unknown.data && isQuiet && (
        <p className={classes.none}>None: every outcome is known, and every request moves.</p>
      )}
      <ul className={classes.lines}>
        {ids.length > 0 && (
          <Found name="Outcome unknown" ids={ids} isMore={isMore}>
            Look at the target, then report on the page of the request what happened; an operator agrees.
          </Found>
        )}
        {overdue.length > 0 && (
          <Found name="Overdue now" ids={overdue}>
            Past what may be waited for, since their workflow does not get on. The next sweep closes them.
          </Found>
        )}
        {wedged.length > 0 && (
          <Found name="Stalled now" ids={wedged}>
            {FOUND.wedged}
          </Found>
        )}
        {findings.map(({ what, at, requests }) => (
          <Found
            key={what}
            name={
              <>
                {FOUND_NAMES[what]}, in a sweep <Ago at={at} />
              </>
            }
            ids={requests}
          >
            {FOUND[what]}
          </Found>
        ))}
      </ul>
    </section>
  );
}

/** Requests whose outcome is unknown. */
function useUnknown() {
  const unknown = useQuery({
    queryKey: ['list', 'indeterminate'],
    queryFn: ({ signal }) =>
      get<RequestPage>('/v1/requests', { status: 'indeterminate', limit: SHOWN_MAX }, signal),
  });
  const { items = [], next_cursor: next = null } = unknown.data ?? {};
  return { unknown, ids: items.map(({ id }) => id), isMore: next !== null };
}

interface FoundProps {
  readonly name: ReactNode;
  readonly ids: readonly string[];
  /** There are more than those. */
  readonly isMore?: boolean;
  /** What it means and what to do. */
  readonly children: ReactNode;
}

function Found({ name, ids, isMore = false, children }: FoundProps) {
  const hidden = ids.length - SHOWN_MAX;
  return (
    <li className={classes.line}>
      <div className={classes.what}>
        <strong>{name}</strong>
        <div className={classes.advice}>{children}</div>
        <ul className={classes.ids}>
          {ids.slice(0, SHOWN_MAX).map((id) => (
            <li key={id}>
              <Link to="/requests/$id" params={{ id }}>
                {id}
              </Link>
            </li>
          ))}
          {hidden > 0 && <li>and {grouped(hidden)} more</li>}
          {isMore && (
            <li>
              <Link to="/requests" search={{ status: 'indeterminate' }}>
                all of them
              </Link>
            </li>
          )}
        </ul>
      </div>
    </li>
  );
}
