import { BoundedThread, ThreadEnded } from './bounded-thread.ts';
import { refused, type CheckWork, type PolicyFindings } from './validation.ts';

/** How long checking one policy may take, once it is its turn. On a busy machine most of it is the start of the thread. */
const TIMEOUT_MS = 30_000;

/**
 * Compiles the sources of a policy in a thread of its own, and says what is wrong with it, what probably is, and how its
 * files change. Throws `ChecksBusy` when there is no time.
 */
export async function checkSources(data: CheckWork): Promise<PolicyFindings> {
  const thread = new BoundedThread<PolicyFindings>({
    program: 'checker-thread',
    beside: import.meta.url,
    data,
    timeoutMs: TIMEOUT_MS,
  });
  try {
    return await thread.next();
  } catch (error) {
    if (!(error instanceof ThreadEnded)) throw error;
    return refused([error.isOutOfMemory ? TOO_LARGE : brokenOff(error)]);
  } finally {
    await thread.end();
  }
}

const TOO_LARGE = 'the policy takes too much memory to be checked';

/** Not said to be about memory: the checker itself may be at fault. */
function brokenOff({ reason }: ThreadEnded): string {
  return `checking the policy ended with an error (${reason})`;
}
