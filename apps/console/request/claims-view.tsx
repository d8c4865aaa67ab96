import { Copyable } from '../shown/copyable.tsx';
import { Foreign } from '../shown/foreign.tsx';
import classes from './claims-view.module.css';
import { Facts, Section } from './section.tsx';
import type { Card } from './view.ts';

/** What the agent says of itself. Nothing in it is a fact, and nothing in it is drawn. */
export function ClaimsView({ card: { claims, lineage } }: { readonly card: Card }) {
  const { justification, links = [], ...others } = claims ?? {};
  const rest = Object.entries(others).filter(([, value]) => value !== undefined);
  if (justification === undefined && links.length === 0 && rest.length === 0) return null;
  const whose = lineage[0]?.kind === 'person' ? 'requester' : 'agent';
  return (
    <Section title={`The ${whose}’s own words`} part="claims" kind="words" aside="Nobody has verified them">
      {justification !== undefined && (
        <blockquote className={classes.quote}>
          <Foreign text={justification} hasLines />
        </blockquote>
      )}
      <Links links={links} />
      {rest.length > 0 && (
        <Facts
          items={rest.map(([name, value]) => [name, <Foreign key={name} text={String(value)} />] as const)}
        />
      )}
    </Section>
  );
}

/** Not to be followed by a click: an address that an agent gives may be made to be believed. */
function Links({ links }: { readonly links: readonly string[] }) {
  if (links.length === 0) return null;
  return (
    <ul className={classes.links}>
      {links.map((link) => (
        <li key={link}>
          <Copyable text={link} what="this address" />
        </li>
      ))}
    </ul>
  );
}
