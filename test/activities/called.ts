import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';

import type { Activities } from '../../activities/index.ts';
import type { Ask, Desk, SignedAsk } from '../workflows/signed.ts';

/** Calls an activity as a run of the request's workflow would. */
export async function called<Input, Output>(
  caller: Pick<Caller, 'id' | 'run' | 'attempt'>,
  activity: (input: Input) => Promise<Output>,
  input: Input,
): Promise<Output> {
  const info = {
    workflowExecution: { workflowId: caller.id, runId: caller.run },
    workflowNamespace: 'default',
    attempt: caller.attempt ?? 1,
  };
  // Refusals are what these tests ask for: they need no log.
  const environment = new MockActivityEnvironment(info, { logger: new DefaultLogger('ERROR') });
  return environment.run(activity, input);
}

/** Where a story of activities stands, without any workflow. */
export interface Caller {
  readonly id: string;
  readonly run: string;
  readonly request: SignedAsk;
  /** Which try of an activity it is, by the word of who schedules activities. */
  readonly attempt?: number;
}

/** Workflow time, `ms` after the request was signed. */
export function instantAfter({ request }: Pick<Caller, 'request'>, ms: number): string {
  return new Date(Date.parse(request.signed.issued_at) + ms).toISOString();
}

/** A caller for a signed request, with a run of its own. */
export async function newCaller(
  desk: Desk,
  target: string,
  further: Omit<Ask, 'target'> = {},
): Promise<Caller> {
  const request = await desk.signRequest({ target, ...further });
  return { id: request.id, run: `run-of-${request.id}`, request };
}

/** A caller whose request was received, planned and evaluated: people are asked. */
export async function pendingCaller(
  { desk, activities }: { readonly desk: Desk; readonly activities: Activities },
  { target = 'shop', ...further }: Ask = {},
): Promise<Caller> {
  const at = new Date().toISOString();
  const caller = await newCaller(desk, target, further);
  await called(caller, activities.receive, { request: caller.request.envelope, at });
  const planned = await called(caller, activities.plan, { attempt: 1, at });
  if (planned.kind !== 'planned') throw new Error('not planned');
  await called(caller, activities.evaluate, { plan_digest: planned.plan_digest, attempt: 1, at });
  return caller;
}
