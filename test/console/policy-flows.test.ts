import { describe, expect, it } from 'vitest';

import { flowPlot, flowWords } from '../../apps/console/policy/flows.ts';

const FLOWS = [
  { from: 'allow', to: 'allow', count: 0 },
  { from: 'review', to: 'review', count: 9_990 },
  { from: 'review', to: 'forbid', count: 9 },
  { from: 'forbid', to: 'review', count: 1 },
] as const;

describe('the plot of a backtest', () => {
  const plot = flowPlot(FLOWS);

  it('shows each change, however few requests it is about, and nothing that did not happen', () => {
    expect(plot.bands.map(({ from, to }) => `${from} ${to}`)).toEqual([
      'review review',
      'review forbid',
      'forbid review',
    ]);
    expect(Math.min(...plot.bands.map(({ height }) => height))).toBeGreaterThanOrEqual(3);
  });

  it('has bars as high as their bands, which lie beside each other on both sides', () => {
    expect(plot.left).toMatchObject([
      { effect: 'review', count: 9_999, y: 0 },
      { effect: 'forbid', count: 1 },
    ]);
    for (const [bars, side, at] of [
      [plot.left, 'from', 'leftY'],
      [plot.right, 'to', 'rightY'],
    ] as const)
      for (const bar of bars) {
        const own = plot.bands.filter((band) => band[side] === bar.effect).toSorted((a, b) => a[at] - b[at]);
        expect(own.reduce((sum, { height }) => sum + height, 0)).toBeCloseTo(bar.height);
        let next = bar.y;
        for (const band of own) {
          expect(band[at]).toBeCloseTo(next);
          next += band.height;
        }
      }
  });

  it('says the same in words', () => {
    expect(flowWords(FLOWS)).toBe(
      '9,990 sent to people by both; 9 sent to people before and forbidden after; 1 forbidden before and sent to people after.',
    );
    expect(flowPlot([])).toMatchObject({ bands: [], height: 0 });
    expect(flowWords([])).toBe('No recorded request was looked at.');
  });
});
