import type { WorkflowInterceptors } from '@temporalio/workflow';

import { Inbox } from './inbox.ts';
import { decideSignal, reconsiderSignal, withdrawSignal } from './messages.ts';
import { payloadConverter } from './payload-converter.ts';

/** The inbox of this run. Modules of workflow code exist once for each run. */
const inbox = new Inbox();

/** Where the messages of this run arrive. */
export function ownInbox(): Inbox {
  return inbox;
}

/**
 * Takes signals before the library does, which spends promises and stack traces on each: some thousands in one task
 * would exceed its time, and what is left of such a task runs on in other workflows. Here one costs a look at its
 * payload. Signals of other names are dropped; the library would keep them for a handler that never comes.
 */
export function interceptors(): WorkflowInterceptors {
  return {
    internals: [
      {
        activate(input, next) {
          const { activation } = input;
          const rest = (activation.jobs ?? []).filter((job) => {
            if (!job.signalWorkflow) return true;
            take(job.signalWorkflow);
            return false;
          });
          activation.jobs = rest;
          inbox.endTask();
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

function take({ signalName, input }: Signal): void {
  if (signalName === reconsiderSignal.name) inbox.remind();
  else if (signalName === decideSignal.name) inbox.put('decide', bodyOf(input));
  else if (signalName === withdrawSignal.name) inbox.put('withdraw', bodyOf(input));
}

function bodyOf(input: Signal['input']): unknown {
  const [first] = input ?? [];
  return first ? payloadConverter.fromPayload(first) : undefined;
}
