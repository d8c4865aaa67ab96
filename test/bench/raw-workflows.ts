import {
  condition,
  defineSignal,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
} from '@temporalio/workflow';

interface RawActivities {
  mark(id: string): Promise<void>;
  act(id: string): Promise<void>;
}

const { mark } = proxyLocalActivities<RawActivities>({ startToCloseTimeout: '10 seconds' });
const { act } = proxyActivities<RawActivities>({ startToCloseTimeout: '10 seconds' });

/** The signal that lets it go on. */
export const goSignal = defineSignal('go');

/** The floor: what any approval on Temporal does. It starts, says that it waits, waits for a signal, does one thing. */
export async function rawApproval(id: string): Promise<void> {
  let isSignalled = false;
  setHandler(goSignal, () => {
    isSignalled = true;
  });
  await mark(id);
  await condition(() => isSignalled, '1 hour');
  await act(id);
}
