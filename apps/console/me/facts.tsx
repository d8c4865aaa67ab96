import type { ReactNode } from 'react';

import type { Me } from '../../../contract/me.ts';
import { useSession } from '../session/session.ts';
import { Foreign } from '../shown/foreign.tsx';
import { Ago, Instant } from '../shown/instant.tsx';
import classes from './me.module.css';

/** Who the person is, and where each fact comes from. */
export function Facts({ me }: { readonly me: Me }) {
  return (
    <dl className={classes.facts}>
      <Fact name="Name" from="The directory of the active policy">
        {me.name === null ? 'Not in the directory' : <Foreign text={me.name} />}
        {me.id !== null && me.id !== me.name && <span className="keyturn-quiet"> ({me.id})</span>}
      </Fact>
      <SignIn />
      <Fact
        name="Groups"
        from="The directory: its files, provisioning, or what your identity provider said when you signed in. Groups within groups are included"
      >
        {me.groups.length === 0 ? 'None' : <Groups groups={me.groups} />}
      </Fact>
      <Fact name="You may" from="The active policy">
        <ul className={classes.list}>
          <li>{me.why_not?.detail ?? 'Decide the requests that ask for you'}</li>
          {me.is_operator && (
            <li>Engage kill switches, end sessions of others, read the audit log (operator)</li>
          )}
          {me.is_auditor && <li>Read every request that is not your own, and the audit log (auditor)</li>}
        </ul>
      </Fact>
    </dl>
  );
}

function SignIn() {
  const { identity, began_at: began, idle_at: idle, expires_at: expires } = useSession();
  return (
    <Fact name="Signed in" from={identity.issuer}>
      <Instant at={began} /> (<Ago at={began} />
      ), as <Foreign text={identity.subject} />. The session ends <Instant at={expires} />, or{' '}
      <Ago at={idle} /> if you do nothing in it.
    </Fact>
  );
}

interface FactProps {
  readonly name: string;
  /** Who says so. */
  readonly from: string;
  readonly children: ReactNode;
}

function Fact({ name, from, children }: FactProps) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd>
        <div>{children}</div>
        <div className={classes.from}>{from}</div>
      </dd>
    </div>
  );
}

function Groups({ groups }: Pick<Me, 'groups'>) {
  return (
    <ul className={classes.groups}>
      {groups.map((group) => (
        <li key={group}>{group}</li>
      ))}
    </ul>
  );
}
