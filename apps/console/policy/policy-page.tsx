import { Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import type { PolicyInWords } from '../../../contract/active-policy.ts';
import { get } from '../api/calls.ts';
import { Section } from '../request/section.tsx';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Actions, Targets } from './catalogue.tsx';
import { Cel, RequirementInWords } from './requirement.tsx';
import classes from './policy.module.css';
import { Risk } from './risk.tsx';
import { Rules } from './rules.tsx';
import { Version } from './version.tsx';

/** The rules that hold now, and how they came to hold. */
export function PolicyPage() {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['policy'],
    queryFn: ({ signal }) => get<PolicyInWords>('/v1/policy', {}, signal),
  });
  return (
    <Page title="Policy">
      {isPending && <Loader size="sm" aria-label="Loading" />}
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && (
        <div className={classes.columns}>
          <div className={classes.first}>
            <Version policy={data} />
          </div>
          <div className={classes.main}>
            <Rules rules={data.rules} />
            <Actions />
            <Targets />
          </div>
          <div className={classes.side}>
            <Defaults policy={data} />
            <Publishing policy={data} />
            <Reviewers policy={data} />
            <Risk risk={data.risk} />
          </div>
        </div>
      )}
    </Page>
  );
}

interface PolicyProps {
  readonly policy: PolicyInWords;
}

function Defaults({ policy: { defaults } }: PolicyProps) {
  return (
    <Section
      title="Where no rule acts"
      aside={defaults.effect === 'forbid' ? 'forbidden' : 'requires people'}
    >
      <div className={classes.part}>
        {defaults.effect === 'forbid' && (
          <p className={classes.quiet}>
            What no rule is about is forbidden. What follows is required beside rules.
          </p>
        )}
        <RequirementInWords requirement={defaults.requirement} />
      </div>
    </Section>
  );
}

function Publishing({ policy: { publishing } }: PolicyProps) {
  return (
    <Section title="Who agrees to another policy">
      <div className={classes.part}>
        <RequirementInWords requirement={publishing} />
        <p className={classes.quiet}>
          Two different people where it may let through what is held back today. Rules may ask for more.
        </p>
      </div>
    </Section>
  );
}

function Reviewers({ policy: { reviewers } }: PolicyProps) {
  if (reviewers === null) return null;
  return (
    <Section title="What every reviewer must meet">
      <div className={classes.part}>
        <p className={classes.because}>
          <Foreign text={reviewers.because} />
        </p>
        <Cel text={reviewers.when} what="the condition on reviewers" />
      </div>
    </Section>
  );
}
