import { useId, type ReactNode } from 'react';

import { useNotesSeen } from './opened.tsx';
import classes from './section.module.css';
import type { SectionName } from './view.ts';

interface SectionProps {
  readonly title: string;
  /** The part of the card that it shows; none for what is not decided upon. */
  readonly part?: SectionName;
  /** Beside the title. */
  readonly aside?: ReactNode;
  /** False while something of it is folded away. */
  readonly isWhole?: boolean;
  /** How it is set off: facts of Keyturn, or somebody's own words. */
  readonly kind?: 'facts' | 'words';
  readonly children: ReactNode;
}

/** A part of the page under a heading of its own. */
export function Section({ title, part, aside, isWhole = true, kind = 'facts', children }: SectionProps) {
  const id = useId();
  const ref = useNotesSeen(part, isWhole);
  return (
    <section ref={ref} className={classes.section} data-kind={kind} data-part={part} aria-labelledby={id}>
      <div className={classes.head}>
        <h2 id={id} className={classes.title}>
          {title}
        </h2>
        {aside !== undefined && <div className={classes.aside}>{aside}</div>}
      </div>
      {children}
    </section>
  );
}

/** Names and values, one under the other. */
export function Facts({ items }: { readonly items: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className={classes.facts}>
      {items.map(([name, value]) => (
        <div key={name} className={classes.fact}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
