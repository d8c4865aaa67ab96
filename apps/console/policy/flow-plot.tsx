import type { PolicyBacktest } from '../../../contract/proposals.ts';
import { grouped } from '../shown/words.ts';
import { EFFECTS, flowPlot, flowWords, type Band, type Bar } from './flows.ts';
import classes from './proposal.module.css';

/** Of the drawing, in its own units. */
const [LEFT, RIGHT, WIDTH, TOP] = [10, 350, 360, 38];

/** From what to what recorded requests would go. The table beside it says the same. */
export function FlowPlot({ flows }: { readonly flows: PolicyBacktest['flows'] }) {
  const { left, right, bands, height } = flowPlot(flows);
  if (bands.length === 0) return null;
  return (
    <svg
      className={classes.plot}
      viewBox={`0 0 ${WIDTH} ${TOP + height + 4}`}
      role="img"
      aria-label={flowWords(flows)}
    >
      <text x={LEFT - 3} y={12} className={classes.side}>
        Before
      </text>
      <text x={RIGHT + 3} y={12} textAnchor="end" className={classes.side}>
        After
      </text>
      <g transform={`translate(0 ${TOP})`}>
        {bands.map((band) => (
          <path
            key={`${band.from} ${band.to}`}
            d={pathOf(band)}
            className={classes.band}
            data-effect={band.to}
            data-same={band.from === band.to || undefined}
          />
        ))}
        {left.map((bar) => (
          <BarView key={bar.effect} bar={bar} x={LEFT} anchor="start" />
        ))}
        {right.map((bar) => (
          <BarView key={bar.effect} bar={bar} x={RIGHT} anchor="end" />
        ))}
      </g>
    </svg>
  );
}

interface BarProps {
  readonly bar: Bar;
  readonly x: number;
  readonly anchor: 'start' | 'end';
}

function BarView({ bar: { effect, count, y, height }, x, anchor }: BarProps) {
  return (
    <>
      <rect x={x - 3} y={y} width={6} height={height} className={classes.bar} data-effect={effect} />
      <text x={anchor === 'start' ? x - 3 : x + 3} y={y - 6} textAnchor={anchor} className={classes.word}>
        {grouped(count)} {EFFECTS[effect]}
      </text>
    </>
  );
}

/** A ribbon from one side to the other. */
function pathOf({ leftY, rightY, height }: Band): string {
  const [from, to, middle] = [LEFT + 3, RIGHT - 3, WIDTH / 2];
  return [
    `M${from} ${leftY}`,
    `C${middle} ${leftY} ${middle} ${rightY} ${to} ${rightY}`,
    `V${rightY + height}`,
    `C${middle} ${rightY + height} ${middle} ${leftY + height} ${from} ${leftY + height}`,
    'Z',
  ].join(' ');
}
