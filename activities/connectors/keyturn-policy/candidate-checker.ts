import type { PolicyFindings } from '../../../policy-files/validation.ts';
import { BoundedThread, ThreadEnded } from './bounded-thread.ts';

/** How long checking one policy may take, once it is its turn. On a busy machine most of it is the start of the thread. */
const TIMEOUT_MS = 30_000;

const TOO_LARGE: PolicyFindings = {
  problems: ['the policy takes too much memory to be checked'],
  warnings: [],
};

/**
 * What is wrong with a policy, and what probably is: checked as if it were loaded, in a thread of its own. Throws
 * `ChecksBusy` when there is no time.
 */
export async function findingsOfCandidate(candidate: unknown): Promise<PolicyFindings> {
  const thread = new BoundedThread<PolicyFindings>({
    program: 'checker-thread',
    data: candidate,
    timeoutMs: TIMEOUT_MS,
  });
  try {
    return await thread.next();
  } catch (error) {
    if (error instanceof ThreadEnded) return error.isOutOfMemory ? TOO_LARGE : broken(error);
    throw error;
  } finally {
    await thread.end();
  }
}

/** Not said to be about memory: the checker itself may be at fault. */
function broken({ reason }: ThreadEnded): PolicyFindings {
  return { problems: [`checking the policy ended with an error (${reason})`], warnings: [] };
}
