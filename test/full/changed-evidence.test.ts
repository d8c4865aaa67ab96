import { expect, it } from 'vitest';

import { verifyRequest } from '../../domain/audit/verification/verify.ts';
import { casesOf, evidenceAfter } from '../domain/audit/verification/changed-evidence.ts';
import type { Mutation } from '../domain/audit/verification/mutations.ts';
import { makeKeys, NOW } from '../domain/audit/verification/story.ts';

const CHANGES: readonly Omit<Mutation, 'path'>[] = [
  ...(['delete', 'duplicate', 'swap'] as const).map((kind) => ({ kind, variant: 0 })),
  ...Array.from({ length: 16 }, (_, variant) => ({ kind: 'change' as const, variant })),
];

/** What the gate tries at random: every node of every course of a request, in each way. */
it('evidence in which any one thing was changed never passes', async () => {
  const keys = await makeKeys();
  const cases = await casesOf(keys);
  const tried = cases.flatMap((one) =>
    one.paths.flatMap((path) => CHANGES.map((change) => ({ one, mutation: { path, ...change } }))),
  );
  const survived: string[] = [];
  for (const { one, mutation } of tried) {
    const evidence = evidenceAfter(one, mutation);
    if (evidence !== null && (await verifyRequest(evidence, keys.published, NOW)).ok)
      survived.push(`${one.name}: ${mutation.kind} ${mutation.path.join('.')} (${mutation.variant})`);
  }
  expect(survived).toEqual([]);
});
