import { afterAll, beforeAll, expect, it } from 'vitest';

import { ADVISORY_LOCKS } from '../../../database/advisory-locks.ts';
import { outcomeOf } from '../../api/passkeys/passkeys.ts';
import { Reviewer } from '../../journeys/passkeys/reviewer.ts';
import { prove } from '../../journeys/sign-in-again/signing-in.ts';
import { startStack, type Stack } from '../../stack/stack.ts';
import { courseOf } from '../../workflows/facts.ts';
import { activate, activePolicy, changeRequirement } from '../../workflows/policies.ts';
import { Desk } from '../../workflows/signed.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
  const strong = changeRequirement('usual', (requirement) => ({ ...requirement, minimum_grade: 'B' }));
  await activate(stack.keyturnDb, strong(await activePolicy(stack.keyturnDb)));
});
afterAll(async () => {
  await stack?.stop();
});

it('waits for a key that is not known yet: the decision is neither dropped nor believed', async () => {
  const [desk, olga] = [await Desk.open(stack), await Reviewer.signIn(stack, 'olga')];
  const id = await desk.ask({ target: 'shop' });
  const proof = await prove({ stack, by: olga }, id);
  // No worker sees the keys of the provider now.
  await stack.keyturnDb.query('select pg_advisory_lock($1)', [ADVISORY_LOCKS.issuerKeys]);
  await stack.keyturnDb.query('delete from keyturn.issuer_key');
  expect(outcomeOf(await olga.send(id, { proof }))).toEqual([202]);
  expect(await courseOf(stack, id)).not.toContain('decision.counted');
  await stack.keyturnDb.query('select pg_advisory_unlock($1)', [ADVISORY_LOCKS.issuerKeys]);
  await stack.waitForStatus(id, 'succeeded', 60_000);
});
