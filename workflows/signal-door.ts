import { patched, type WorkflowInterceptors } from '@temporalio/workflow';

import { BODY_LENGTH_MAX } from './envelope-in.ts';
import { LostTasks } from './lost-tasks.ts';
import { SignalQueue } from './signal-queue.ts';
import { decideSignal, reconsiderSignal, withdrawSignal } from './messages.ts';
import { payloadConverter } from './payload-converter.ts';

/** The queue of this run. Modules of workflow code exist once for each run. */
const queue = new SignalQueue();

/** Where the messages of this run arrive. */
export function ownQueue(): SignalQueue {
  return queue;
}

/** How much one task reads of its signals. Reading costs up to 100 ns a byte, and a task that takes 5 s is stopped. */
const TASK_BYTES_MAX = 2 * 1024 * 1024;

/**
 * Takes signals before the library does, which spends promises and stack traces on each: some thousands in one task
 * would exceed its time, and what is left of such a task runs on in other workflows. Here one costs a look at its
 * payload, and a task looks at so much of them; what is beyond that is dropped unread. Signals of other names are
 * dropped; the library would keep them for a handler that never comes.
 */
export function interceptors(): WorkflowInterceptors {
  const lostTasks = new LostTasks();
  return {
    outbound: [{ scheduleLocalActivity: (input, next) => lostTasks.during(() => next(input)) }],
    internals: [
      {
        activate(input, next) {
          const { activation } = input;
          lostTasks.refuseEarly(activation);
          const budget = { bytes: TASK_BYTES_MAX };
          const rest = (activation.jobs ?? []).filter((job) => {
            if (!job.signalWorkflow) return true;
            take(job.signalWorkflow, budget);
            return false;
          });
          activation.jobs = rest;
          queue.endTask();
          next(input);
        },
      },
    ],
  };
}

type Payload = Parameters<typeof payloadConverter.fromPayload>[0];

interface Signal {
  readonly signalName?: string | null;
  readonly input?: readonly Payload[] | null;
}

/** What one task may still read. */
interface Budget {
  bytes: number;
}

function take({ signalName, input }: Signal, budget: Budget): void {
  queue.arrive();
  if (signalName === reconsiderSignal.name) queue.remind();
  else if (signalName === decideSignal.name) queue.put('decide', bodyOf(input, budget));
  else if (signalName === withdrawSignal.name) queue.put('withdraw', bodyOf(input, budget));
}

function bodyOf(input: Signal['input'], budget: Budget): unknown {
  const [first] = input ?? [];
  return first && isRead(first, budget) ? payloadConverter.fromPayload(first) : undefined;
}

/** Older histories may hold an envelope that is beyond this limit. */
function isRead({ data }: Payload, budget: Budget): boolean {
  const bytes = data?.length ?? 0;
  const isBeyond = bytes > BODY_LENGTH_MAX || bytes > budget.bytes;
  if (isBeyond && patched('reads-so-much-of-signals')) return false;
  budget.bytes -= bytes;
  return true;
}
