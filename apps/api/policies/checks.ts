import { KeyturnError } from '../../../domain/errors.ts';
import { ChecksBusy, FairPool } from '../../../domain/execution/fair-pool.ts';
import { checkSources } from '../../../policy-files/checker.ts';
import type { CheckWork, PolicyFindings } from '../../../policy-files/validation.ts';

/** Compilations that run at once: each takes a thread. People take turns. */
const POOL = new FairPool({ slots: 2, waitingMax: 10 });

/** Compiles the sources of a policy for a person. Refuses (`unavailable`) when there is no room or time for it. */
export async function checkFor(person: string, work: CheckWork): Promise<PolicyFindings> {
  return POOL.run(person, () => checkSources(work)).catch((error: unknown) => {
    if (!(error instanceof ChecksBusy)) throw error;
    throw new KeyturnError('unavailable', 'The policy could not be compiled now. Try again.');
  });
}
