import { Button } from '@mantine/core';

import type { SwitchView } from '../../../contract/switches.ts';
import { useSession } from '../session/session.ts';
import { Foreign } from '../shown/foreign.tsx';
import { Ago, Instant } from '../shown/instant.tsx';
import { scopeText } from './switch-words.ts';
import classes from './switches.module.css';

interface EngagedSwitchProps {
  readonly engaged: SwitchView;
  /** Absent for people who are no operators. */
  readonly release: ((engaged: SwitchView) => void) | undefined;
}

/** A switch that stops something now. */
export function EngagedSwitch({ engaged, release }: EngagedSwitchProps) {
  const { person } = useSession();
  const { id, agreed_to_lift: agreed = [] } = engaged;
  const hasAgreed = agreed.some((one) => one.person === person);
  return (
    <li className={classes.line} data-engaged>
      <Facts known={engaged} />
      <div className={classes.standing}>
        {agreed.map(({ person: by, name, at }) => (
          <div key={by}>
            <Foreign text={name} /> agreed to its release <Ago at={at} />
          </div>
        ))}
        {agreed.length > 0 && <div className="keyturn-quiet">One more operator has to agree.</div>}
      </div>
      {release && !hasAgreed && (
        <Button
          variant="default"
          size="xs"
          aria-label={`Release the switch on ${scopeText(engaged.scope)}, ${id}`}
          onClick={() => release(engaged)}
        >
          Release…
        </Button>
      )}
    </li>
  );
}

/** A switch that stopped something once. */
export function ReleasedSwitch({ released }: { readonly released: SwitchView }) {
  const { lifted_at: at = '', agreed_to_lift: agreed = [] } = released;
  return (
    <li className={classes.line}>
      <Facts known={released} />
      <div className={classes.standing}>
        Released <Instant at={at} isWhole />
        <div className="keyturn-quiet">
          by <Foreign text={agreed.map(({ name }) => name).join(' and ')} />
        </div>
      </div>
    </li>
  );
}

function Facts({
  known: { scope, reason = '', since, engaged_by_name: by = '' },
}: {
  readonly known: SwitchView;
}) {
  return (
    <div className={classes.facts}>
      <strong>
        <Foreign text={scopeText(scope)} />
      </strong>
      <div className={classes.reason}>
        <Foreign text={reason} hasLines />
      </div>
      <div className="keyturn-quiet">
        Engaged by <Foreign text={by} /> <Instant at={since} isWhole />
      </div>
    </div>
  );
}
