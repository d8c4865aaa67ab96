import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { verifyRequest } from '../../../../domain/audit/verification/verify.ts';
import { casesOf, evidenceAfter, type Case } from './changed-evidence.ts';
import { LIFECYCLES } from './lifecycles.ts';
import { evidenceOfTree, type Mutation } from './mutations.ts';
import { makeKeys, NOW, type Keys } from './story.ts';

let keys: Keys;
let cases: readonly Case[];

beforeAll(async () => {
  keys = await makeKeys();
  cases = await casesOf(keys);
});

describe('evidence in which one thing was changed', () => {
  it.each(Object.keys(LIFECYCLES))('holds before the change: %s', async (name) => {
    const found = cases.find((one) => one.name === name);
    const report = await verifyRequest(evidenceOfTree(found?.tree ?? null), keys.published, NOW);
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('never passes, whatever it was', async () => {
    const mutations = fc.record({
      which: fc.nat(),
      node: fc.nat(),
      kind: fc.constantFrom('delete', 'duplicate', 'swap', 'change', 'change', 'change'),
      variant: fc.nat(15),
    });
    const survived = new Set<string>();
    await fc.assert(
      fc.asyncProperty(mutations, async ({ which, node, kind, variant }) => {
        const one = cases[which % cases.length] as Case;
        const { name, paths } = one;
        const path = paths[node % paths.length] ?? [];
        const evidence = evidenceAfter(one, { path, kind: kind as Mutation['kind'], variant });
        fc.pre(evidence !== null);
        const report = await verifyRequest(evidence, keys.published, NOW);
        if (report.ok) survived.add(`${name}: ${kind} ${path.join('.')} (${variant})`);
      }),
      { numRuns: 120, maxSkipsPerRun: 1_000 },
    );
    expect([...survived]).toEqual([]);
  }, 180_000);
});
