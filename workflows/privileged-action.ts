import {
  ActivityFailure,
  ApplicationFailure,
  condition,
  isCancellation,
  patched,
  setHandler,
  sleep,
  TimeoutFailure,
} from '@temporalio/workflow';

import type { Executed, SettledExecution, Planned } from '../activities/index.ts';
import type { RequestStatus } from '../domain/request/status.ts';
import { durable, performing, planning } from './activities.ts';
import { awaitDecisions, drain } from './await-decisions.ts';
import type { SignalQueue } from './signal-queue.ts';
import {
  decideSignal,
  reconsiderSignal,
  stateQuery,
  withdrawSignal,
  type PrivilegedActionInput,
} from './messages.ts';
import { RequestView } from './request-view.ts';
import { evaluatedIn, holdMs, executedIn, plannedIn, statusIn, workedOut } from './results.ts';
import { ownQueue } from './signal-door.ts';

/**
 * One privileged action, from the ask to the outcome.
 *
 *   receive → plan → evaluate → wait for people → execute
 *               ↑                                    │ the target drifted, an approval went stale, policy got stricter
 *               └────────────────────────────────────┘
 *
 * Nothing here is trusted by anybody: every activity verifies what the API signed, and the execution derives again all
 * that entitles to it. Handlers only enqueue; one loop (await-decisions.ts) works. Silence ends in `expired`.
 */
export async function privilegedAction(input: PrivilegedActionInput): Promise<RequestStatus> {
  const queue = ownQueue();
  const { request, howToDecide } = readInput(input);
  const view = new RequestView(howToDecide, queue);
  setHandler(decideSignal, (body) => queue.put('decide', body), {
    description: 'Decide with a ticket: paste the ticket that the API gave you, as a JSON string',
  });
  setHandler(withdrawSignal, (body) => queue.put('withdraw', body), {
    description: 'Withdraw your own request: an envelope that the API signs',
  });
  setHandler(reconsiderSignal, () => queue.remind(), {
    description: 'A hint without content: rules or people changed, look again whether the request may go on',
  });
  setHandler(stateQuery, () => view.state(), { description: 'Where the request stands' });

  await durable.receive({ request, at: now() });
  for (let attempt = 1; ; attempt += 1) {
    const planned = await planOrAbandon(attempt);
    if (planned.kind === 'closed') return finish(view, queue, planned.status);

    const evaluated =
      planned.evaluated ??
      evaluatedIn(await durable.evaluate({ plan_digest: planned.plan_digest, attempt, at: now() }));
    if (evaluated.kind === 'closed') return finish(view, queue, evaluated.status);
    if (evaluated.kind === 'review') {
      workedOut(() => view.open(evaluated));
      const status = await awaitDecisions(evaluated, view, queue);
      if (status === 'planning') {
        view.becomes(status);
        continue;
      }
      if (status !== 'approved') return finish(view, queue, status);
    }
    view.becomes('executing');
    await drain(queue, view);
    const executed = await executeWhenAllowed(attempt, view, queue);
    if (executed.kind === 'closed') return finish(view, queue, executed.status);
    view.becomes('planning');
  }
}

/** Anybody who can write to the namespace can start this with anything: it must get to `receive`, which refuses it. */
function readInput(input: Partial<PrivilegedActionInput> | null | undefined) {
  return { request: input?.request ?? '', howToDecide: input?.asked?.how_to_decide ?? '' };
}

/**
 * An approved request may be held: by a freeze, or until its start window opens. Withdrawing it and taking an approval back
 * stay possible: then the execution says that it is over, or must be asked anew.
 */
async function executeWhenAllowed(
  attempt: number,
  view: RequestView,
  queue: SignalQueue,
): Promise<SettledExecution> {
  for (let hold = 0; ; hold += 1) {
    const executed = await tryExecute(attempt, hold);
    if (executed.kind !== 'held') return executed;
    view.holds(executed.until);
    const summary = `approved, held until ${executed.until}`;
    await condition(() => queue.isWaiting || isHinted(queue), holdMs(executed.until), { summary });
    if (isHinted(queue)) queue.takeReminder();
    await drain(queue, view);
  }
}

/** What was kept for it may have ended the hold: the execution finds out. Older histories wait for the end of the hold. */
function isHinted(queue: SignalQueue): boolean {
  return queue.isReminded && patched('looks-while-held');
}

/** Somebody else may have completed the activity, with whatever they like: then it is called again, which harms nothing. */
async function tryExecute(attempt: number, hold: number): Promise<Executed> {
  for (;;) {
    const answer = await performing.execute({ step: attempt, ...(hold > 0 ? { hold } : {}), at: now() });
    const executed = executedIn(answer);
    if (executed !== null) return executed;
    await sleep('10 seconds', { summary: 'the answer of the execution was not readable' });
  }
}

/** Workflow time: the same on every replay. */
function now(): string {
  return new Date().toISOString();
}

/** How often an outage of our own is waited for: some hours. */
const OUTAGES_MAX = 500;

/**
 * A target that stays unreachable, or is gone from policy, ends the request: nothing has happened. An outage of our own
 * is no reason to end it.
 */
async function planOrAbandon(attempt: number): Promise<Planned> {
  for (let outages = 1; ; outages += 1) {
    try {
      const planned = plannedIn(await planning.plan({ attempt, at: now() }));
      if (planned !== null) return planned;
      if (outages === OUTAGES_MAX) return await abandon(attempt);
    } catch (error) {
      if (isForeign(error)) throw error;
      if (!isOwnOutage(error) || outages === OUTAGES_MAX) return abandon(attempt);
      // Who waits for room under a budget waits for no outage. After a day the sweep ends what is still being planned.
      if (isOverBudget(error)) outages -= 1;
    }
    await sleep('10 seconds', { summary: 'waits for Keyturn itself' });
  }
}

async function abandon(attempt: number): Promise<Planned> {
  const abandoned = await durable.abandonPlanning({ step: `${attempt}`, at: now() });
  // Planned after all, where only the answer was lost.
  return 'kind' in abandoned ? abandoned : { kind: 'closed', status: statusIn(abandoned).status };
}

/** True for a start that the API did not sign or a run that is not the request's own: it fails, without effect. */
function isForeign(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  // A plan that takes too long, or whose workers die of it, is no more foreign than a target that does not answer.
  if (cause instanceof TimeoutFailure) return false;
  return !(cause instanceof ApplicationFailure) || FOREIGN.has(cause.type ?? '') || isCancellation(error);
}

/** True when it was not the target that failed, and trying again may help. */
function isOwnOutage(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof ApplicationFailure && !cause.nonRetryable && cause.type !== 'target_unreachable';
}

function isOverBudget(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === 'over_budget';
}

const FOREIGN: ReadonlySet<string> = new Set(['envelope_invalid', 'foreign_run', 'not_found']);

async function finish(view: RequestView, queue: SignalQueue, status: RequestStatus): Promise<RequestStatus> {
  view.closes(status);
  await drain(queue, view);
  return status;
}
