import { randomUUID } from 'node:crypto';

import type { Stack } from '../stack/stack.ts';

/** The payload of a signal as bytes say it. */
export interface RawPayload {
  readonly encoding: string | null;
  readonly data: string | Uint8Array;
}

/** Which signal is sent to which request. */
export interface RawSignal {
  readonly id: string;
  readonly name?: string;
  readonly payload: RawPayload | null;
}

/** Sends a signal past the client of the SDK, which would only encode what it can decode. */
export async function signalRaw(stack: Stack, { id, name = 'decide', payload }: RawSignal): Promise<void> {
  const metadata = payload?.encoding ? { encoding: Buffer.from(payload.encoding) } : {};
  await stack.temporal.workflowService.signalWorkflowExecution({
    namespace: stack.temporalService.namespace,
    workflowExecution: { workflowId: id },
    signalName: name,
    input: payload ? { payloads: [{ metadata, data: Buffer.from(payload.data) }] } : null,
    requestId: randomUUID(),
    identity: 'nobody',
  });
}

const AT_ONCE = 90;

/** Sends as many signals as asked for, some at once. */
export async function flood(
  stack: Stack,
  id: string,
  { count, payload }: { readonly count: number; readonly payload: (index: number) => RawPayload },
): Promise<void> {
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - sent) }, (_, index) =>
      signalRaw(stack, { id, payload: payload(sent + index) }),
    );
    await Promise.all(batch);
  }
}
