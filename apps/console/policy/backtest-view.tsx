import { Button, Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';

import type { PolicyBacktest } from '../../../contract/proposals.ts';
import { get } from '../api/calls.ts';
import { Section } from '../request/section.tsx';
import { Wide } from '../request/wide.tsx';
import { Failure } from '../shell/failure.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Instant } from '../shown/instant.tsx';
import { grouped } from '../shown/words.ts';
import { FlowPlot } from './flow-plot.tsx';
import { EFFECTS } from './flows.ts';
import policy from './policy.module.css';
import classes from './proposal.module.css';

/** What it would have said of recorded requests. On demand: thousands of them are evaluated then. */
export function BacktestView({ request }: { readonly request: string | null }) {
  const [isWanted, setWanted] = useState(false);
  const { data, error, isLoading, refetch } = useQuery({
    queryKey: ['request', request, 'backtest'],
    queryFn: ({ signal }) =>
      get<PolicyBacktest>(`/v1/requests/${encodeURIComponent(request ?? '')}/backtest`, {}, signal),
    enabled: isWanted && request !== null,
    staleTime: 60_000,
    retry: false,
  });
  return (
    <Section
      title="What it would have said of past requests"
      aside={
        request !== null &&
        !isWanted && (
          <Button size="xs" variant="default" onClick={() => setWanted(true)}>
            Run the backtest
          </Button>
        )
      }
    >
      {request === null && (
        <p className={policy.note}>
          Request its publication first: those who review that request see the backtest here.
        </p>
      )}
      {request !== null && !isWanted && (
        <p className={policy.note}>
          Requests of the last 30 days are held against both policies, for ten seconds at most. Nothing
          changes by it.
        </p>
      )}
      {isLoading && <Loader size="xs" m="sm" aria-label="Evaluating recorded requests" />}
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && <Found backtest={data} />}
    </Section>
  );
}

function Found({ backtest }: { readonly backtest: PolicyBacktest }) {
  const { evaluations, until, is_whole: isWhole, fault, flows, differences } = backtest;
  return (
    <div role="status">
      <p className={classes.verdict}>
        <strong>
          {backtest.loosened + backtest.tightened === 0
            ? 'Nothing would be otherwise.'
            : `${grouped(backtest.loosened)} would be looser, ${grouped(backtest.tightened)} stricter.`}
        </strong>{' '}
        Looked at: {grouped(evaluations)} evaluations of the 30 days up to <Instant at={until} isWhole />
        {isWhole ? '.' : ', the oldest ones: keyturn policy backtest looks at all.'}
        {fault !== null && ` It ended early with an error (${fault}): tell an operator.`}
      </p>
      {evaluations > 0 && (
        <div className={classes['plot-and-table']}>
          <FlowPlot flows={flows} />
          <Counts backtest={backtest} />
        </div>
      )}
      {differences.length > 0 && <Differences backtest={backtest} />}
      {backtest.withheld > 0 && (
        <p className={policy.note}>
          {grouped(backtest.withheld)} more {backtest.withheld === 1 ? 'is' : 'are'} counted and not shown,
          since you may not see all of {backtest.withheld === 1 ? 'it' : 'them'}.
        </p>
      )}
    </div>
  );
}

function Counts({ backtest }: { readonly backtest: PolicyBacktest }) {
  const { flows, unsatisfiable, unsatisfiable_before: before, insufficient, facts_erased: erased } = backtest;
  const lines: (readonly [string, number])[] = [
    ...flows
      .filter(({ count }) => count > 0)
      .map(({ from, to, count }) => [`${EFFECTS[from]} → ${EFFECTS[to]}`, count] as const),
    [`nobody could approve (before: ${grouped(before)})`, unsatisfiable],
    ['approved by people who would not be enough', insufficient],
    ...(erased === 0 ? [] : [['left out: facts erased', erased] as const]),
  ];
  return (
    <table className={classes.table}>
      <thead>
        <tr>
          <th scope="col">Before → after</th>
          <th scope="col" className={classes.number}>
            Evaluations
          </th>
        </tr>
      </thead>
      <tbody>
        {lines.map(([what, count]) => (
          <tr key={what}>
            <td>{what}</td>
            <td className={classes.number}>{grouped(count)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Differences({ backtest: { differences } }: { readonly backtest: PolicyBacktest }) {
  return (
    <Wide label="Requests that would be otherwise">
      <table className={classes.table}>
        <thead>
          <tr>
            {['Request', 'It would be', 'Before', 'After'].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {differences.map(({ request, round, action, target, is_looser: isLooser, before, after }) => (
            <tr key={`${request} ${round}`}>
              <td className={classes['wide-cell']}>
                <Link to="/requests/$id" params={{ id: request }}>
                  <Foreign text={`${action} on ${target}`} />
                  {round > 1 && `, round ${round}`}
                </Link>
              </td>
              <td>
                <span className={classes.state} data-tone={isLooser ? 'bad' : 'good'}>
                  {isLooser ? 'looser' : 'stricter'}
                </span>
              </td>
              <td className={classes['wide-cell']}>
                <Side side={before} />
              </td>
              <td className={classes['wide-cell']}>
                <Side side={after} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function Side({
  side: { effect, risk, seats, rules },
}: {
  readonly side: PolicyBacktest['differences'][number]['before'];
}) {
  return (
    <>
      {EFFECTS[effect]}, {risk} risk
      {seats.length > 0 && (
        <div>
          <Foreign text={seats.join('; ')} />
        </div>
      )}
      {rules.length > 0 && (
        <div className="keyturn-quiet">
          <Foreign text={rules.join(', ')} />
        </div>
      )}
    </>
  );
}
