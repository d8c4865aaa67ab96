import type { LogMetadata } from '@temporalio/common';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';

import { reasonOf } from '../../every.ts';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** What the SDK says of where it is; anything else it adds may quote what it was given. */
const FACTS = ['workflowId', 'runId', 'workflowType', 'activityId', 'activityType', 'attempt', 'taskQueue'];

/**
 * Makes Temporal's SDK, its native part included, log as this process does: JSON lines of the level that is set. Its
 * signals are left to this process.
 */
export function installRuntime(log: Logger): void {
  Runtime.install({
    // The SDK would otherwise take the signals for itself and race the drain.
    shutdownSignals: [],
    logger: sdkLogger(log.child({ component: 'temporal-sdk' })),
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
    },
  });
}

function sdkLogger(log: Logger): DefaultLogger {
  return new DefaultLogger('TRACE', ({ level, message, meta }) => log[LEVELS[level]](factsOf(meta), message));
}

function factsOf(meta: LogMetadata = {}): Record<string, unknown> {
  const facts = Object.fromEntries(FACTS.flatMap((name) => (name in meta ? [[name, meta[name]]] : [])));
  const error: unknown = meta['error'];
  return error === undefined ? facts : { ...facts, err: reasonOf(error) };
}
