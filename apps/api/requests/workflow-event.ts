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
    const attributes = attributesOf(event);
    const view = eventView(event, attributes);
    const name = view.name ?? names.get(begunBy(attributes)) ?? null;
    if (name !== null) names.set(view.id, name);
    return { ...view, name };
  });
}

function eventView({ eventId, eventType, eventTime }: HistoryEvent, attributes: Attributes): EventView {
  const local = localActivityOf(attributes);
  return {
    id: Number(eventId ?? 0),
    type: typeName(eventType),
    name: local?.activity_type ?? nameOf(attributes),
    at: instantOf(eventTime),
    attempt: local?.attempt ?? (attributes.attempt || null),
    failure: failureType(attributes.failure ?? attributes.lastFailure),
  };
}

/** What is read of an event, whatever its type: names, numbers and failures. What is not there is absent or empty. */
interface Attributes {
  readonly activityType?: Named | null;
  readonly workflowType?: Named | null;
  readonly signalName?: string | null;
  readonly timerId?: string | null;
  readonly markerName?: string | null;
  readonly scheduledEventId?: unknown;
  readonly startedEventId?: unknown;
  readonly attempt?: number | null;
  readonly failure?: Failure | null;
  readonly lastFailure?: Failure | null;
  readonly details?: Readonly<Record<string, proto.temporal.api.common.v1.IPayloads>> | null;
}

interface Named {
  readonly name?: string | null;
}

/** An event has the attributes of its type, and no others. */
function attributesOf(event: HistoryEvent): Attributes {
  const own = Object.entries(event).find(([key, value]) => key.endsWith('Attributes') && value);
  return (own?.[1] ?? {}) as Attributes;
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

function nameOf({ activityType, workflowType, ...others }: Attributes): string | null {
  const { signalName, timerId, markerName } = others;
  return [activityType?.name, workflowType?.name, signalName, timerId, markerName].find(Boolean) ?? null;
}

/** The number of the event that began what this one goes on with. */
function begunBy({ scheduledEventId, startedEventId }: Attributes): number {
  return Number(scheduledEventId ?? 0) || Number(startedEventId ?? 0);
}

/** The type of the innermost failure that has one. Messages and stacks are contents: they are never read. */
function failureType(failure: Failure | null | undefined): string | null {
  if (!failure) return null;
  return failureType(failure.cause) ?? ownType(failure);
}

function ownType(failure: Failure): string {
  if (failure.applicationFailureInfo) return failure.applicationFailureInfo.type || 'Error';
  return KINDS.find(([of]) => failure[of] != null)?.[1] ?? 'Failure';
}

/** What failed where no program named a type, as the SDK calls its classes. */
const KINDS = [
  ['timeoutFailureInfo', 'TimeoutFailure'],
  ['canceledFailureInfo', 'CancelledFailure'],
  ['terminatedFailureInfo', 'TerminatedFailure'],
  ['serverFailureInfo', 'ServerFailure'],
  ['activityFailureInfo', 'ActivityFailure'],
] as const;

/** The SDK records a local activity as a marker and keeps its type and attempt in what it writes itself. */
function localActivityOf({ markerName, details }: Attributes): z.output<typeof localActivitySchema> | null {
  if (markerName !== 'core_local_activity') return null;
  const data = details?.['data']?.payloads?.[0]?.data;
  return data && data.length <= LOCAL_BYTES_MAX ? parsed(data) : null;
}

function parsed(data: Uint8Array): z.output<typeof localActivitySchema> | null {
  try {
    return localActivitySchema.safeParse(JSON.parse(Buffer.from(data).toString('utf8'))).data ?? null;
  } catch {
    // Anybody who can write to the namespace can write such a marker: it is shown as one.
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
