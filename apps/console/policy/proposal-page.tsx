import { Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { lazy, Suspense, type ReactNode } from 'react';

import type { PolicyComparison } from '../../../contract/proposals.ts';
import { get } from '../api/calls.ts';
import { Facts, Section } from '../request/section.tsx';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { Copyable } from '../shown/copyable.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Instant } from '../shown/instant.tsx';
import { grouped } from '../shown/words.ts';
import { BacktestView } from './backtest-view.tsx';
import policy from './policy.module.css';
import { Changes, PeopleChanges, RuleChanges } from './proposal-changes.tsx';
import classes from './proposal.module.css';
import { STATES, STATE_TONES, verdictOf } from './proposal-words.ts';

// The library that draws lines is loaded where there are some.
const FileDiffs = lazy(async () => ({ default: (await import('../request/file-diffs.tsx')).FileDiffs }));

const route = getRouteApi('/policy/proposals/$digest');

/** What one proposed policy changes: in words, line by line, and for requests of the past. */
export function ProposalPage() {
  const { digest } = route.useParams();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['proposal', digest],
    queryFn: ({ signal }) =>
      get<PolicyComparison>(`/v1/policies/${encodeURIComponent(digest)}/comparison`, {}, signal),
  });
  return (
    <Page title="Proposed policy">
      {isPending && <Loader size="sm" aria-label="Loading" />}
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && <Loaded comparison={data} />}
    </Page>
  );
}

interface ComparisonProps {
  readonly comparison: PolicyComparison;
}

function Loaded({ comparison }: ComparisonProps) {
  const { publications, rules, changes } = comparison;
  const [newest] = publications;
  return (
    <div className={policy.columns}>
      <div className={policy.first}>
        <Which comparison={comparison} />
      </div>
      <div className={policy.main}>
        <Notes title="It cannot be published as it is" notes={comparison.problems} />
        <Notes title="To look at" notes={comparison.warnings} />
        <RuleChanges rules={rules} />
        <BacktestView request={newest?.request ?? null} />
        <Lines files={comparison.files} />
      </div>
      <div className={policy.side}>
        <Changes changes={changes} count={comparison.changes_count} />
        <PeopleChanges people={comparison.people} />
      </div>
    </div>
  );
}

function Which({ comparison }: ComparisonProps) {
  const { digest, state, base, publications, proposed_by: by, proposed_at: at } = comparison;
  const items: (readonly [string, ReactNode])[] = [
    [
      'Digest',
      <Copyable key="d" text={digest} what="digest of the policy" short={`${digest.slice(0, 15)}…`} />,
    ],
  ];
  if (by !== null)
    items.push([
      'Proposed by',
      <span key="by">
        <Foreign text={by.name} /> <span className="keyturn-quiet">({by.id})</span>
      </span>,
    ]);
  if (at !== null) items.push(['Proposed', <Instant key="at" at={at} isWhole />]);
  items.push([
    'Compared with',
    <span key="base">
      {comparison.is_base_active ? 'the policy in force' : 'the policy that it replaced'}{' '}
      <Copyable
        text={base}
        what="digest of the policy that it is compared with"
        short={`${base.slice(0, 15)}…`}
      />
    </span>,
  ]);
  return (
    <Section
      title="Proposal"
      aside={
        <span className={classes.state} data-tone={STATE_TONES[state]}>
          {STATES[state]}
        </span>
      }
    >
      <p className={classes.verdict}>{verdictOf(comparison)}</p>
      <Facts items={items} />
      <p className={policy.links}>
        {publications.map(({ request, status }) => (
          <Link key={request} to="/requests/$id" params={{ id: request }}>
            Request to publish it ({status})
          </Link>
        ))}
        <Link to="/policy/proposals">All proposals</Link>
        <Link to="/policy">The active policy</Link>
      </p>
    </Section>
  );
}

function Notes({ title, notes }: { readonly title: string; readonly notes: readonly string[] }) {
  if (notes.length === 0) return null;
  return (
    <Section title={title}>
      <ul className={classes.list}>
        {notes.map((note) => (
          <li key={note}>
            <Foreign text={note} hasLines />
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Lines({ files }: Pick<PolicyComparison, 'files'>) {
  if (files.length === 0) return null;
  return (
    <Section
      title="How the files change"
      aside={`${grouped(files.length)} ${files.length === 1 ? 'file' : 'files'}, in their author’s words`}
    >
      <Suspense fallback={<p className={policy.note}>Loading the files…</p>}>
        <FileDiffs files={files} />
      </Suspense>
    </Section>
  );
}
