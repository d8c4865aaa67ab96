import proto from '@temporalio/proto';

import { isKeyturnError } from '../../../domain/errors.ts';
import type { SystemHealth } from '../../../contract/system-health.ts';
import type { ApiContext } from '../context.ts';
import { askTemporal } from '../temporal.ts';

const DEADLINE_MS = 3_000;

const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = proto.temporal.api.enums.v1.TaskQueueType;

const KINDS = { workflow: TASK_QUEUE_TYPE_WORKFLOW, activity: TASK_QUEUE_TYPE_ACTIVITY } as const;

type Queues = NonNullable<SystemHealth['queues']>;
type Reading = Pick<ApiContext, 'temporal' | 'log' | 'settings'>;

/** The queues of the workers, with who takes work from them. Null where Temporal does not answer. */
export async function readQueues(context: Reading): Promise<Queues | null> {
  try {
    return await Promise.all([readQueue(context, 'workflow'), readQueue(context, 'activity')]);
  } catch (error) {
    if (isKeyturnError(error) && error.code === 'unavailable') return null;
    throw error;
  }
}

async function readQueue(context: Reading, kind: keyof typeof KINDS): Promise<Queues[number]> {
  const { namespace, taskQueue } = context.settings.temporal;
  const queue = await askTemporal(context, {
    deadlineMs: DEADLINE_MS,
    unavailable: 'Temporal does not answer.',
    call: () =>
      context.temporal.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: KINDS[kind],
        reportStats: true,
      }),
  });
  const { stats, pollers } = queue ?? {};
  return {
    kind,
    workers: (pollers ?? []).map(({ identity, lastAccessTime }) => ({
      identity: identity ?? '',
      seen_at: lastAccessTime ? new Date(msOf(lastAccessTime)).toISOString() : null,
    })),
    backlog: Number(stats?.approximateBacklogCount ?? 0),
    oldest_ms: Math.round(stats?.approximateBacklogAge ? msOf(stats.approximateBacklogAge) : 0),
  };
}

/** Seconds and nanoseconds, the former as a number that may be wider than 53 bits. */
function msOf({
  seconds,
  nanos,
}: {
  readonly seconds?: { toNumber(): number } | null;
  readonly nanos?: number | null;
}): number {
  return (seconds?.toNumber() ?? 0) * 1_000 + Math.floor((nanos ?? 0) / 1_000_000);
}
