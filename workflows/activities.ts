import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';

/**
 * Bookkeeping: short idempotent transactions in our own database. Local activities cost the server a marker instead of
 * six events. A database that is away is waited for: nothing is given up.
 */
export const durable = proxyLocalActivities<Activities>({
  startToCloseTimeout: '8 seconds',
  localRetryThreshold: '5 seconds',
  retry: { initialInterval: '200 milliseconds', backoffCoefficient: 2, maximumInterval: '15 seconds' },
});

/**
 * The dry run. Bounded by tries: a target that stays unreachable ends the request, and nothing has happened. Not by time
 * since it was scheduled: that would end requests because no worker was up.
 */
export const planning = proxyActivities<Pick<Activities, 'plan'>>({
  startToCloseTimeout: '60 seconds',
  heartbeatTimeout: '10 seconds',
  retry: {
    initialInterval: '1 second',
    backoffCoefficient: 2,
    maximumInterval: '10 seconds',
    maximumAttempts: 5,
  },
});

/** Reads the history of this workflow for tickets that arrived while no worker was up. */
export const history = proxyActivities<Pick<Activities, 'consumeLate'>>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
});

/**
 * The execution may be repeated without end because it never acts twice: an attempt that finds an open claim probes the target
 * first. The heartbeat tells a dead worker from a slow target.
 */
export const performing = proxyActivities<Pick<Activities, 'execute'>>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 seconds' },
});
