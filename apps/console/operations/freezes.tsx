import { Title } from '@mantine/core';

import type { SystemHealth } from '../../../contract/system-health.ts';
import { Foreign } from '../shown/foreign.tsx';
import { Ago, Instant } from '../shown/instant.tsx';
import { listed } from '../shown/words.ts';
import classes from './operations.module.css';

type Freeze = SystemHealth['freezes'][number];

/** Times in which what is approved does not start, those of now and those to come. */
export function Freezes({ freezes }: { readonly freezes: readonly Freeze[] }) {
  return (
    <section aria-labelledby="freezes">
      <Title order={2} size="h4" id="freezes">
        Freezes
      </Title>
      {freezes.length === 0 && (
        <p className={classes.none}>The active policy has none that is in force or to come.</p>
      )}
      <ul className={classes.lines}>
        {freezes.map((freeze) => (
          <li key={freeze.id} className={classes.line}>
            <div className={classes.what}>
              <strong>
                <Foreign text={freeze.title} />
              </strong>{' '}
              <span className="keyturn-quiet">{freeze.id}</span>
              <div>
                <Instant at={freeze.from} isWhole /> to <Instant at={freeze.to} isWhole />
                {freeze.is_in_force ? (
                  <>
                    : in force, over <Ago at={freeze.to} />
                  </>
                ) : (
                  <>
                    : begins <Ago at={freeze.from} />
                  </>
                )}
              </div>
              <div className="keyturn-quiet">{scopeText(freeze)}</div>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function scopeText({ environments, actions }: Freeze): string {
  const what = actions === null ? 'every action' : listed(actions, 'and');
  return `Holds back ${what} in ${environments === null ? 'every environment' : listed(environments, 'and')}`;
}
