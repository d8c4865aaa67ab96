import { afterAll, beforeAll, expect, it } from 'vitest';

import { Rehearsals } from '../../activities/connectors/postgres/rehearsals.ts';
import { startClones, type Clones } from '../../corpus/clones.ts';
import { ownSubjects } from '../../corpus/subjects.ts';
import { callOf } from '../../corpus/trial.ts';

const rehearsals = new Rehearsals();
let clones: Clones;
let compared = 0;

beforeAll(async () => {
  clones = await startClones();
});

afterAll(async () => {
  await clones.stop();
  // Else nothing would have been compared.
  expect(compared).toBeGreaterThan(50);
});

it.each(ownSubjects())('$name: where one rehearsal is enough, two make the same plan', async (subject) => {
  const clone = await clones.create(subject.setUp);
  for (const { text } of subject.statements) {
    const plans = await rehearsals.bothPlans(callOf({ clones, connection: subject.connection }, clone, text));
    if (plans === null) continue;
    const [once, twice] = plans;
    expect(once, text).toEqual(twice);
    if ('effects' in once) compared += 1;
  }
});
