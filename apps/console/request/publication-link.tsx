import { Link } from '@tanstack/react-router';

import classes from './parts.module.css';
import { Section } from './section.tsx';
import type { Shown } from './view.ts';

/** Of a request to publish a policy: where its rules are compared, and held against past requests. */
export function PublicationLink({ shown: { request } }: { readonly shown: Shown }) {
  const candidate = request.arguments?.['candidate'];
  if (request.action !== 'keyturn.policy.publish' || typeof candidate !== 'string') return null;
  return (
    <Section title="What it means">
      <p className={classes.padded}>
        <Link to="/policy/proposals/$digest" params={{ digest: candidate }}>
          Compare rule by rule, and run the backtest
        </Link>
      </p>
    </Section>
  );
}
