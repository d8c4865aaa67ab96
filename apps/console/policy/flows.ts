import type { PolicyBacktest } from '../../../contract/proposals.ts';
import { grouped } from '../shown/words.ts';

type Flow = PolicyBacktest['flows'][number];

/** What a policy comes to. */
export type Effect = Flow['from'];

/** As people read it, from the loosest to the strictest. */
export const EFFECTS = { allow: 'allowed', review: 'sent to people', forbid: 'forbidden' } as const;

const ORDER = Object.keys(EFFECTS) as Effect[];

/** One effect on one side of the plot. */
export interface Bar {
  readonly effect: Effect;
  readonly count: number;
  readonly y: number;
  readonly height: number;
}

/** Requests that go from one effect to another, from the left side to the right. */
export interface Band extends Flow {
  readonly leftY: number;
  readonly rightY: number;
  readonly height: number;
}

/** Where everything of the plot stands. */
export interface FlowPlot {
  readonly left: readonly Bar[];
  readonly right: readonly Bar[];
  readonly bands: readonly Band[];
  readonly height: number;
}

/** How high all bands are together, where none is thin. */
const HEIGHT = 160;

/** However few requests there are in it, a band can be seen. */
const LEAST = 3;

/** Room between two effects, for their words. */
const GAP = 28;

/** Where bands and bars stand: as thick as they have requests. */
export function flowPlot(flows: readonly Flow[]): FlowPlot {
  const total = flows.reduce((sum, { count }) => sum + count, 0);
  const drawn = ORDER.flatMap((from) => ORDER.map((to) => flowOf(flows, from, to))).filter(
    ({ count }) => count > 0,
  );
  const thick = drawn.map((flow) => ({ ...flow, height: Math.max(LEAST, (flow.count / total) * HEIGHT) }));
  const [left, right] = [barsOf(thick, 'from'), barsOf(thick, 'to')];
  const bands = thick.map((band) => ({
    ...band,
    leftY:
      startOf(left, band.from) + sumOf(thick, ({ from, to }) => from === band.from && isBefore(to, band.to)),
    rightY:
      startOf(right, band.to) + sumOf(thick, ({ from, to }) => to === band.to && isBefore(from, band.from)),
  }));
  const ends = [...left, ...right].map(({ y, height }) => y + height);
  return { left, right, bands, height: Math.max(0, ...ends) };
}

/** The same in words, for those who do not see it. */
export function flowWords(flows: readonly Flow[]): string {
  const named = flows.filter(({ count }) => count > 0);
  if (named.length === 0) return 'No recorded request was looked at.';
  const parts = named.map(({ from, to, count }) =>
    from === to
      ? `${grouped(count)} ${EFFECTS[from]} by both`
      : `${grouped(count)} ${EFFECTS[from]} before and ${EFFECTS[to]} after`,
  );
  return `${parts.join('; ')}.`;
}

function flowOf(flows: readonly Flow[], from: Effect, to: Effect): Flow {
  const count = flows.find((flow) => flow.from === from && flow.to === to)?.count ?? 0;
  return { from, to, count };
}

type Thick = Flow & Pick<Band, 'height'>;

function barsOf(bands: readonly Thick[], side: 'from' | 'to'): readonly Bar[] {
  const bars: Bar[] = [];
  let y = 0;
  for (const effect of ORDER) {
    const own = bands.filter((band) => band[side] === effect);
    if (own.length === 0) continue;
    const height = own.reduce((sum, band) => sum + band.height, 0);
    bars.push({ effect, count: own.reduce((sum, { count }) => sum + count, 0), y, height });
    y += height + GAP;
  }
  return bars;
}

function startOf(bars: readonly Bar[], effect: Effect): number {
  return bars.find((bar) => bar.effect === effect)?.y ?? 0;
}

function sumOf(bands: readonly Thick[], isCounted: (band: Thick) => boolean): number {
  return bands.filter(isCounted).reduce((sum, { height }) => sum + height, 0);
}

function isBefore(one: Effect, other: Effect): boolean {
  return ORDER.indexOf(one) < ORDER.indexOf(other);
}
