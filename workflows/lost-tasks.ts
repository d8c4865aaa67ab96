import { workflowInfo, type ActivateInput } from '@temporalio/workflow';

/** When a local activity takes longer than this part of a task, the SDK ends the task, and signals come with the next one. */
const HEARTBEAT_FRACTION = 0.8;

/**
 * Notices a task that the server gave up, as it does when a hundred signals wait for its end. While a local activity runs,
 * the SDK delivers the next task's signals as if the first task had ended. What is then done with them is not what the
 * history says, and the request would stand still at its next replay. A task that fails is executed again from the history.
 */
export class LostTasks {
  #running = 0;
  #historyLength = 0;
  #startedAt = 0;
  #isLive = false;

  /** Follows a local activity. */
  async during<Result>(activity: () => Promise<Result>): Promise<Result> {
    this.#running += 1;
    try {
      return await activity();
    } finally {
      this.#running -= 1;
    }
  }

  /**
   * Fails the task that comes too early after the last one. Only where that one was live: what a run that was built anew
   * from the history is given is what the history says.
   */
  refuseEarly({ historyLength, isReplaying, jobs }: ActivateInput['activation']): void {
    const wasLive = this.#isLive;
    this.#isLive = isReplaying !== true;
    if (historyLength === this.#historyLength) return;
    const heartbeatAt = this.#startedAt + HEARTBEAT_FRACTION * workflowInfo().taskTimeoutMs;
    this.#historyLength = historyLength ?? 0;
    this.#startedAt = Date.now();
    const isEarly = wasLive && this.#isLive && this.#startedAt < heartbeatAt;
    if (isEarly && this.#running > 0 && jobs?.some(({ signalWorkflow }) => signalWorkflow))
      throw new Error(
        'The server gave up the last task amidst a local activity: this one is to be tried again.',
      );
  }
}
