import type { ReactNode } from 'react';

import type { PersonView } from '../../../contract/people.ts';
import { Facts, Section } from '../request/section.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Instant } from '../shown/instant.tsx';
import { sentence } from '../shown/words.ts';
import { authorityWords } from './authority.ts';
import classes from './people.module.css';

interface PersonProps {
  readonly person: PersonView;
}

/** A person with everything that is known of them. */
export function PersonParts({ person }: PersonProps) {
  return (
    <div className={classes.parts}>
      {person.warnings.length > 0 && (
        <Section title="What is off">
          {person.warnings.map((warning) => (
            <p key={warning} className={classes.warning}>
              <Foreign text={warning} />
            </p>
          ))}
        </Section>
      )}
      <Standing person={person} />
      <Rules person={person} />
      <Groups person={person} />
      <Accounts person={person} />
      <Changes person={person} />
    </div>
  );
}

function Standing({ person }: PersonProps) {
  const { id, is_active: isActive, standings, passkeys, agents, owns } = person;
  const offices = [...(person.is_operator ? ['operator'] : []), ...(person.is_auditor ? ['auditor'] : [])];
  return (
    <Section title="In the directory" aside={isActive ? 'active' : 'not active'}>
      <Facts
        items={[
          ['Id', <Foreign key="id" text={id} />],
          ...standings.map(
            (one) =>
              [
                sentence(authorityWords(one.authority)),
                <span key={one.authority}>
                  <Foreign text={one.name} />, {one.is_active ? 'active' : 'not active'}
                  <Since at={one.since} />
                </span>,
              ] as const,
          ),
          ['Office', offices.length === 0 ? 'None' : offices.join(', ')],
          ['Passkeys', passkeys === 0 ? 'None: no decision of grade A' : String(passkeys)],
          ['Agents', agents.length === 0 ? 'None' : <Foreign text={agents.join(', ')} />],
          ['Owns', owns.length === 0 ? 'No target' : <Foreign text={owns.join(', ')} />],
        ]}
      />
    </Section>
  );
}

function Rules({ person: { rules, is_active: isActive } }: PersonProps) {
  return (
    <Section title="Rules that name this person" aside={String(rules.length)}>
      {rules.length === 0 && (
        <p className={classes.none}>
          {isActive
            ? 'None by name or group. Rules that ask owners or people on call may.'
            : 'None: a person who is not active decides nothing.'}
        </p>
      )}
      <List items={rules} keyOf={({ id }) => id}>
        {({ id, scope, when, source, by }) => (
          <>
            <strong>
              <Foreign text={id} />
            </strong>{' '}
            <code className={classes.facts}>
              <Foreign text={source} />
            </code>
            <div>
              <Foreign text={scope} />
              {when === null ? '.' : ', when '}
              {when !== null && (
                <code className={classes.code}>
                  <Foreign text={when} />
                </code>
              )}
            </div>
            <div className={classes.facts}>
              Named by <Foreign text={by.join(', ')} />
            </div>
          </>
        )}
      </List>
    </Section>
  );
}

function Groups({ person: { groups } }: PersonProps) {
  return (
    <Section title="Groups" aside={String(groups.length)}>
      {groups.length === 0 && <p className={classes.none}>In no group.</p>}
      <List items={groups} keyOf={({ id }) => id}>
        {({ id, authority, through, since, seen_at: seenAt, counts_until: until }) => (
          <>
            <Foreign text={id} />
            {through.length > 1 && (
              <span className="keyturn-quiet">
                {' '}
                through <Foreign text={through.slice(0, -1).join(' → ')} />
              </span>
            )}
            <div className={classes.facts}>
              <Foreign text={sentence(authorityWords(authority))} />
              <Since at={since} />
              {seenAt !== null && (
                <>
                  ; last seen in a token of <Instant at={seenAt} isWhole />
                </>
              )}
              {until !== null && (
                <>
                  , counts until <Instant at={until} isWhole />
                </>
              )}
            </div>
          </>
        )}
      </List>
    </Section>
  );
}

function Accounts({ person: { accounts } }: PersonProps) {
  return (
    <Section title="Accounts" aside="all count as one person">
      {accounts.length === 0 && <p className={classes.none}>None: nobody can sign in as this person.</p>}
      <List items={accounts} keyOf={({ issuer, subject, authority }) => `${issuer} ${subject} ${authority}`}>
        {({ issuer, subject, authority, since }) => (
          <>
            <Foreign text={subject} />{' '}
            <span className="keyturn-quiet">
              at <Foreign text={issuer} />
            </span>
            <div className={classes.facts}>
              <Foreign text={sentence(authorityWords(authority))} />
              <Since at={since} />
            </div>
          </>
        )}
      </List>
    </Section>
  );
}

function Changes({ person: { changes } }: PersonProps) {
  return (
    <Section title="What changed" aside="the last 20">
      {changes.length === 0 && <p className={classes.none}>Nothing that is recorded.</p>}
      <List
        items={changes}
        keyOf={({ at, what, value, is_end: isEnd, authority }) =>
          [at, what, value, isEnd, authority].join(' ')
        }
      >
        {({ at, what, value, authority, is_end: isEnd, entry }) => (
          <>
            <Instant at={at} isWhole /> {KINDS[what]} <Foreign text={value} />{' '}
            {isEnd ? 'ceased to hold' : 'began to hold'}
            <div className={classes.facts}>
              {authority !== null && <Foreign text={`${sentence(authorityWords(authority))}; `} />}
              {entry === null ? 'no entry of its own' : <Foreign text={`entry ${entry}`} />}
            </div>
          </>
        )}
      </List>
    </Section>
  );
}

const KINDS = { standing: 'Name', account: 'Account', membership: 'Membership of' } as const;

interface ListProps<Item> {
  readonly items: readonly Item[];
  readonly keyOf: (item: Item) => string;
  readonly children: (item: Item) => ReactNode;
}

function List<Item>({ items, keyOf, children }: ListProps<Item>) {
  return (
    <ul className={classes.list}>
      {items.map((item) => (
        <li key={keyOf(item)} className={classes.line}>
          {children(item)}
        </li>
      ))}
    </ul>
  );
}

function Since({ at }: { readonly at: string | null }) {
  if (at === null) return null;
  return (
    <>
      {' '}
      since <Instant at={at} isWhole />
    </>
  );
}
