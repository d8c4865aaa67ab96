import type { DecidedRow } from '../../../database/readers.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { GATE_RUN } from '../../../domain/execution/gate-validity.ts';
import { identityKey } from '../../../domain/identity/identity.ts';
import type { WorkflowEvents } from '../../../contract/workflow-events.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { askTemporal } from '../temporal.ts';
import { callerVisibility } from './visibility.ts';
import { activityView, eventViews, statusName, type HistoryEvent } from './workflow-event.ts';

/** More than any request needs that people look at: what floods a history is looked at in the Temporal UI. */
const EVENTS_MAX = 1_000;
const PAGE = 100;
const ACTIVITIES_MAX = 50;
const DEADLINE_MS = 5_000;

type Reading = Pick<ApiContext, 'temporal' | 'log'>;

const NONE: WorkflowEvents = { status: null, items: [], activities: [], is_cut: false };

/** What Temporal keeps about the workflow of a request: names, times and attempts, and no contents. */
export async function workflowEventsOf(
  context: Reading & Pick<ApiContext, 'source' | 'directories' | 'limits'>,
  caller: Caller,
  decided: DecidedRow,
): Promise<WorkflowEvents> {
  const { visibility } = await callerVisibility(context, caller, decided);
  if (visibility !== 'whole') {
    throw new KeyturnError(
      'forbidden',
      'The events name every step and failure: only reviewers of the request, operators and auditors may read them.',
    );
  }
  const { id, run_id: runId } = decided.row;
  if (runId === GATE_RUN) return NONE;
  const release = context.limits.pages.take(identityKey(caller.principal.identity));
  try {
    return await readEvents(context, { workflowId: id, runId });
  } finally {
    release();
  }
}

interface Run {
  readonly workflowId: string;
  /** Empty for the newest. */
  readonly runId: string;
}

async function readEvents(context: Reading, execution: Run): Promise<WorkflowEvents> {
  const endMs = Date.now() + DEADLINE_MS;
  const ask = <Answer>(call: () => Promise<Answer>): Promise<Answer | null> =>
    askTemporal(context, {
      deadlineMs: endMs - Date.now(),
      unavailable: 'Temporal does not answer, so its events cannot be shown. Try again.',
      call,
    });
  const { connection, options } = context.temporal.workflow;
  const { workflowService: service } = connection;
  const run = { namespace: options.namespace, execution };
  const described = await ask(() => service.describeWorkflowExecution(run));
  if (described === null) return NONE;
  const { events, isCut } = await readHistory((nextPageToken) =>
    ask(() => service.getWorkflowExecutionHistory({ ...run, maximumPageSize: PAGE, ...nextPageToken })),
  );
  return {
    status: statusName(described.workflowExecutionInfo?.status),
    items: eventViews(events),
    activities: (described.pendingActivities ?? []).slice(0, ACTIVITIES_MAX).map(activityView),
    is_cut: isCut,
  };
}

/** One page of a history. */
type ReadPage = (next: { nextPageToken?: Uint8Array }) => Promise<{
  readonly history?: { readonly events?: readonly HistoryEvent[] | null } | null;
  readonly nextPageToken?: Uint8Array | null;
} | null>;

async function readHistory(read: ReadPage): Promise<{ events: readonly HistoryEvent[]; isCut: boolean }> {
  const events: HistoryEvent[] = [];
  let next: { nextPageToken?: Uint8Array } = {};
  while (events.length < EVENTS_MAX) {
    const page = await read(next);
    events.push(...(page?.history?.events ?? []));
    const token = page?.nextPageToken;
    if (!token?.length) return { events, isCut: false };
    next = { nextPageToken: token };
  }
  // A page may hold more than was asked for.
  return { events: events.slice(0, EVENTS_MAX), isCut: true };
}
