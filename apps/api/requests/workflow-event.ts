import proto from '@temporalio/proto';
import { z } from 'zod';

import type { WorkflowEvents } from '../../../contract/workflow-events.ts';

const { EventType, WorkflowExecutionStatus } = proto.temporal.api.enums.v1;

export type HistoryEvent = proto.temporal.api.history.v1.IHistoryEvent;
type PendingActivity = proto.temporal.api.workflow.v1.IPendingActivityInfo;
type Failure = proto.temporal.api.failure.v1.IFailure;
type Timestamp = NonNullable<HistoryEvent['eventTime']>;
type EventView = WorkflowEvents['items'][number];
type ActivityView = WorkflowEvents['activities'][number];

/** Events as they are shown. What an activity or timer is called stands in the event that began it. */
export function eventViews(events: readonly HistoryEvent[]): EventView[] {
  const names = new Map<number, string>();
  return events.map((event) => {
    const id = Number(event.eventId ?? 0);
    const local = localActivityOf(event);
    const name = local?.activity_type ?? nameOf(event) ?? names.get(begunBy(event)) ?? null;
    if (name !== null) names.set(id, name);
    return {
      id,
      type: typeName(event.eventType),
      name,
      at: instantOf(event.eventTime),
      attempt: local?.attempt ?? attemptOf(event),
      failure: failureOf(event),
    };
  });
}

/** An activity that is not over. */
export function activityView(activity: PendingActivity): ActivityView {
  return {
    name: activity.activityType?.name ?? '',
    attempt: activity.attempt ?? 1,
    failure: failureType(activity.lastFailure),
    next_at: instantOf(activity.nextAttemptScheduleTime),
  };
}

/** `RUNNING`, `COMPLETED` and the like. */
export function statusName(status: number | null | undefined): string {
  return (WorkflowExecutionStatus[status ?? 0] ?? 'UNKNOWN').replace('WORKFLOW_EXECUTION_STATUS_', '');
}

/** `EVENT_TYPE_TIMER_FIRED` as the Temporal UI writes it: `TimerFired`. */
function typeName(type: HistoryEvent['eventType']): string {
  const words = (EventType[type ?? 0] ?? 'EVENT_TYPE_UNKNOWN').replace('EVENT_TYPE_', '').split('_');
  return words.map((word) => word.slice(0, 1) + word.slice(1).toLowerCase()).join('');
}

function nameOf(event: HistoryEvent): string | undefined {
  return (
    event.activityTaskScheduledEventAttributes?.activityType?.name ??
    event.workflowExecutionStartedEventAttributes?.workflowType?.name ??
    event.workflowExecutionSignaledEventAttributes?.signalName ??
    event.timerStartedEventAttributes?.timerId ??
    event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.name ??
    event.markerRecordedEventAttributes?.markerName ??
    undefined
  );
}

/** The number of the event that began what this one goes on with. */
function begunBy(event: HistoryEvent): number {
  const began =
    event.activityTaskStartedEventAttributes?.scheduledEventId ??
    event.activityTaskCompletedEventAttributes?.scheduledEventId ??
    event.activityTaskFailedEventAttributes?.scheduledEventId ??
    event.activityTaskTimedOutEventAttributes?.scheduledEventId ??
    event.activityTaskCancelRequestedEventAttributes?.scheduledEventId ??
    event.activityTaskCanceledEventAttributes?.scheduledEventId ??
    event.timerFiredEventAttributes?.startedEventId ??
    event.timerCanceledEventAttributes?.startedEventId;
  return Number(began ?? 0);
}

function attemptOf(event: HistoryEvent): number | null {
  return (
    event.activityTaskStartedEventAttributes?.attempt ??
    event.workflowTaskScheduledEventAttributes?.attempt ??
    event.workflowExecutionStartedEventAttributes?.attempt ??
    null
  );
}

function failureOf(event: HistoryEvent): string | null {
  return failureType(
    event.activityTaskFailedEventAttributes?.failure ??
      event.activityTaskTimedOutEventAttributes?.failure ??
      event.activityTaskStartedEventAttributes?.lastFailure ??
      event.workflowTaskFailedEventAttributes?.failure ??
      event.workflowExecutionFailedEventAttributes?.failure ??
      event.markerRecordedEventAttributes?.failure,
  );
}

/** The type of the innermost failure that has one. Messages and stacks are contents: they are never read. */
function failureType(failure: Failure | null | undefined): string | null {
  if (!failure) return null;
  return failureType(failure.cause) ?? ownType(failure);
}

function ownType(failure: Failure): string {
  if (failure.applicationFailureInfo) return failure.applicationFailureInfo.type || 'Error';
  const [kind] = KINDS.filter(([of]) => failure[of] != null);
  return kind?.[1] ?? 'Failure';
}

/** What failed where no program named a type, as the SDK's classes are called. */
const KINDS = [
  ['timeoutFailureInfo', 'TimeoutFailure'],
  ['canceledFailureInfo', 'CancelledFailure'],
  ['terminatedFailureInfo', 'TerminatedFailure'],
  ['serverFailureInfo', 'ServerFailure'],
  ['activityFailureInfo', 'ActivityFailure'],
] as const;

/** The SDK records a local activity as a marker and keeps its type and attempt in what it writes itself. */
function localActivityOf({
  markerRecordedEventAttributes: marker,
}: HistoryEvent): z.output<typeof localActivitySchema> | null {
  const data =
    marker?.markerName === 'core_local_activity' ? marker.details?.['data']?.payloads?.[0]?.data : null;
  if (!data || data.length > LOCAL_BYTES_MAX) return null;
  try {
    return localActivitySchema.safeParse(JSON.parse(Buffer.from(data).toString('utf8'))).data ?? null;
  } catch {
    // Whoever writes the namespace can write markers, too: it is shown as one.
    return null;
  }
}

const LOCAL_BYTES_MAX = 4_096;

const localActivitySchema = z.object({
  activity_type: z.string().max(1_000),
  attempt: z.int().positive().nullable().default(null),
});

/** Null also for what is no instant that can be written. */
function instantOf(time: Timestamp | null | undefined): string | null {
  if (!time) return null;
  const ms = Number(time.seconds ?? 0) * 1_000 + Math.floor((time.nanos ?? 0) / 1_000_000);
  const at = new Date(ms);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}
