import { Title } from '@mantine/core';

import type { SystemHealth } from '../../../contract/system-health.ts';
import { Foreign } from '../shown/foreign.tsx';
import { Ago } from '../shown/instant.tsx';
import { partsOf } from './health-words.ts';
import classes from './operations.module.css';

/** Each part of Keyturn with how it is. */
export function Parts({ health }: { readonly health: SystemHealth }) {
  return (
    <section aria-labelledby="parts">
      <Title order={2} size="h4" id="parts">
        Health
      </Title>
      <ul className={classes.lines}>
        {partsOf(health).map(({ name, isWell, text, advice }) => (
          <li key={name} className={classes.line}>
            <span className={classes.mark} data-well={isWell || undefined}>
              {isWell ? 'well' : 'look'}
            </span>
            <div className={classes.what}>
              <strong>{name}</strong> {text}
              {advice !== undefined && <div className={classes.advice}>{advice}</div>}
            </div>
          </li>
        ))}
      </ul>
      <Workers queues={health.queues} />
    </section>
  );
}

function Workers({ queues }: Pick<SystemHealth, 'queues'>) {
  const workers = new Map((queues ?? []).flatMap((queue) => queue.workers.map((one) => [one.identity, one])));
  if (workers.size === 0) return null;
  return (
    <details className={classes.more}>
      <summary>{workers.size === 1 ? 'The worker' : `The ${workers.size} workers`}</summary>
      <ul>
        {[...workers.values()].map(({ identity, seen_at: seenAt }) => (
          <li key={identity}>
            <code>
              <Foreign text={identity} />
            </code>{' '}
            {seenAt !== null && (
              <span className="keyturn-quiet">
                asked for work <Ago at={seenAt} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
