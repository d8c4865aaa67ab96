import { useId, useState } from 'react';

import type { Timeline } from '../../../contract/history.ts';
import { Foreign } from '../shown/foreign.tsx';
import { Instant } from '../shown/instant.tsx';
import { statesOf, type State } from './states.ts';
import classes from './state-slider.module.css';

/** How the request stood after each of its entries: a slider that keys move as well. */
export function StateSlider({ entries }: { readonly entries: Timeline['items'] }) {
  const id = useId();
  const states = statesOf(entries);
  const [chosen, setChosen] = useState<number | null>(null);
  const last = states.length - 1;
  const at = Math.min(chosen ?? last, last);
  const state = states[at];
  if (last < 1 || !state) return null;
  return (
    <div className={classes.states}>
      <label htmlFor={id}>How it stood</label>
      <input
        id={id}
        type="range"
        min={0}
        max={last}
        value={at}
        aria-valuetext={`Entry ${at + 1} of ${last + 1}: ${standing(state)}`}
        onChange={({ currentTarget: { value } }) => setChosen(Number(value) === last ? null : Number(value))}
      />
      <div>
        <strong>{standing(state)}</strong>
        <div className="keyturn-quiet">
          <Instant at={state.entry.at} isWhole /> · <Foreign text={state.entry.text} />
        </div>
      </div>
    </div>
  );
}

function standing({ status, round, needed, filled }: State): string {
  const count = Object.values(filled).reduce((sum, seats) => sum + seats, 0);
  return [
    status,
    ...(round > 1 ? [`round ${round}`] : []),
    ...(needed === null ? [] : [`${count} of ${needed} ${needed === 1 ? 'seat' : 'seats'} filled`]),
  ].join(', ');
}
