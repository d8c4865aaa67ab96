import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import type { PolicyInWords } from '../../../contract/active-policy.ts';
import { Facts, Section } from '../request/section.tsx';
import { Copyable } from '../shown/copyable.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Instant } from '../shown/instant.tsx';
import { grouped } from '../shown/words.ts';
import classes from './policy.module.css';

type Activation = NonNullable<PolicyInWords['activation']>;

/** Which policy it is, since when, and who brought it about. */
export function Version({ policy: { digest, generation, activation } }: { readonly policy: PolicyInWords }) {
  return (
    <Section title="In force" aside={`version ${grouped(generation)}`}>
      <Facts
        items={[
          [
            'Digest',
            <Copyable key="digest" text={digest} what="digest of the policy" short={shortOf(digest)} />,
          ],
          ...(activation === null
            ? ([['Since', 'not known: the audit log has no entry of it. Tell an auditor.']] as const)
            : activationFacts(activation)),
        ]}
      />
      <p className={classes.links}>
        <Link to="/policy/proposals">Proposed policies</Link>
        <Link to="/requests" search={{ action: PUBLISH }}>
          Requests to publish
        </Link>
        <a href={`/v1/policies/${digest}`} target="_blank" rel="noreferrer">
          All of it as data
        </a>
      </p>
    </Section>
  );
}

const PUBLISH = 'keyturn.policy.publish';

function activationFacts(activation: Activation): readonly (readonly [string, ReactNode])[] {
  const { at, proposed_by: proposer, replaces } = activation;
  return [
    ['Since', <Instant key="at" at={at} isWhole />],
    ['How', <How key="how" activation={activation} />],
    ...(proposer === null
      ? []
      : [
          [
            'Proposed by',
            <span key="by">
              <Foreign text={proposer.name} /> <span className="keyturn-quiet">({proposer.id})</span>
            </span>,
          ] as const,
        ]),
    ...(replaces === null
      ? []
      : [
          [
            'In place of',
            <Copyable
              key="before"
              text={replaces}
              what="digest of the policy before"
              short={shortOf(replaces)}
            />,
          ] as const,
        ]),
  ];
}

function How({ activation: { how, request, ...by } }: { readonly activation: Activation }) {
  if (request !== null)
    return (
      <>
        published by{' '}
        <Link to="/requests/$id" params={{ id: request }}>
          a request
        </Link>
        : it says who agreed
      </>
    );
  return (
    <>
      {how === 'recovered' ? 'by operators, by hand, without a request' : 'installed as the first policy'}
      {by.installed_by !== null && (
        <>
          {' '}
          from <Foreign text={by.installed_by} />
        </>
      )}
      {by.is_installer_withheld && (
        <div className={classes.quiet}>From which machine is shown to operators and auditors.</div>
      )}
    </>
  );
}

function shortOf(digest: string): string {
  return `${digest.slice(0, 15)}…`;
}
