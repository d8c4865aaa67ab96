import {
  ActivityFailure,
  ApplicationFailure,
  condition,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';
import { defineUpdate } from '@temporalio/workflow';

type AnyActivities = Record<string, (input: unknown) => Promise<unknown>>;

/** Asks the workflow to call one of our activities, with whatever input. Answers the result or the refusal. */
export const callUpdate = defineUpdate<unknown, [string, unknown]>('call');

const activities = proxyActivities<AnyActivities>({
  taskQueue: 'keyturn',
  startToCloseTimeout: '20 seconds',
  retry: { maximumAttempts: 1 },
});

/** A workflow of somebody who can write to the namespace: it calls our activities in any order, with any input. */
export async function privilegedAction(): Promise<void> {
  setHandler(callUpdate, async (name, input) => {
    try {
      return await activities[name]?.(input);
    } catch (error) {
      const cause = error instanceof ActivityFailure ? error.cause : error;
      return { refused: cause instanceof ApplicationFailure ? cause.type : String(cause) };
    }
  });
  await condition(() => false);
}
