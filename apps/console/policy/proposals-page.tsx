import { Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';

import type { ProposedPolicies } from '../../../contract/proposals.ts';
import { get } from '../api/calls.ts';
import { Section } from '../request/section.tsx';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Ago } from '../shown/instant.tsx';
import { grouped } from '../shown/words.ts';
import policy from './policy.module.css';
import classes from './proposal.module.css';
import { STATES, STATE_TONES } from './proposal-words.ts';

/** What people proposed in place of the active policy, and the state of each. */
export function ProposalsPage() {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['proposals'],
    queryFn: ({ signal }) => get<ProposedPolicies>('/v1/policies', {}, signal),
  });
  return (
    <Page title="Proposed policies">
      <div className={classes.stack}>
        <Link to="/policy" className={classes.back}>
          The active policy
        </Link>
        {isPending && <Loader size="sm" aria-label="Loading" />}
        {error && <Failure error={error} retry={() => void refetch()} />}
        {data && (
          <Section
            title="Newest first"
            aside={data.is_cut ? `the newest ${grouped(data.items.length)}` : grouped(data.items.length)}
          >
            {data.items.length === 0 && (
              <p className={policy.none}>
                Nobody has proposed a policy yet. Change its files, try them with{' '}
                <code>keyturn policy check</code>, then propose them with <code>keyturn policy publish</code>.
              </p>
            )}
            <ul className={classes.items}>
              {data.items.map((item) => (
                <li key={item.digest} className={classes.item}>
                  <ProposalLine item={item} />
                </li>
              ))}
            </ul>
          </Section>
        )}
      </div>
    </Page>
  );
}

function ProposalLine({ item }: { readonly item: ProposedPolicies['items'][number] }) {
  const { digest, state, proposed_by: by, proposed_at: at } = item;
  return (
    <Link to="/policy/proposals/$digest" params={{ digest }} className={classes.link}>
      <span className={classes.state} data-tone={STATE_TONES[state]}>
        {STATES[state]}
      </span>
      <span>
        by <Foreign text={by.name} />
      </span>
      <code className="keyturn-quiet">{digest.slice(0, 15)}…</code>
      <span className={`keyturn-quiet ${classes.when}`}>
        <Ago at={at} />
      </span>
    </Link>
  );
}
