import { Button, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';

import type { RequestSummary } from '../../../contract/requests.ts';
import { Foreign } from '../shown/foreign.tsx';
import { Ago } from '../shown/instant.tsx';
import { RiskPill, StatusPill } from '../shown/pills.tsx';
import { requesterOf } from './requester.ts';
import classes from './request-table.module.css';

interface RequestTableProps {
  readonly requests: readonly RequestSummary[];
  readonly empty: string;
  /** Reads the next page. Absent: these are all. */
  readonly more?: (() => void) | undefined;
}

/** Requests, a line each. */
export function RequestTable({ requests, empty, more }: RequestTableProps) {
  if (requests.length === 0 && !more) return <Text className="keyturn-quiet">{empty}</Text>;
  return (
    <>
      <ul className={classes.lines}>
        {requests.map((request) => (
          <li key={request.id} className={classes.line}>
            <Line request={request} />
          </li>
        ))}
      </ul>
      {more && (
        <Button variant="default" onClick={more}>
          Show more
        </Button>
      )}
    </>
  );
}

function Line({ request }: { readonly request: RequestSummary }) {
  const { id, action, target, environment, risk, summary, created_at: at } = request;
  return (
    <Link to="/requests/$id" params={{ id }} className={classes.link}>
      <span>
        <StatusPill request={request} />
      </span>
      <span className={classes.what}>
        <span className={classes.summary} title={summary ?? undefined}>
          <Foreign text={summary ?? action} />
        </span>
        <span className={classes.quiet}>
          {risk && (
            <>
              <RiskPill risk={risk} />{' '}
            </>
          )}
          {action} on {target} ({environment})
        </span>
      </span>
      <span className={`${classes.quiet} ${classes.who}`}>
        <Foreign text={requesterOf(request)} />
      </span>
      <span className={`${classes.quiet} ${classes.at}`}>
        <Ago at={at} />
      </span>
    </Link>
  );
}
