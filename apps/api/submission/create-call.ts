import type { z } from 'zod';

import type { RequestRow } from '../../../database/tables.ts';
import { gateRequestId, requestId } from '../../../domain/identity/ids.ts';
import type { createBodySchema, RequestView } from '../../../contract/requests.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';

/** A create call, its form checked. */
export interface CreateCall {
  readonly caller: Caller;
  readonly body: z.output<typeof createBodySchema>;
  readonly idempotencyKey: string;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** What became of a create call. */
export interface Created {
  readonly outcome: 'created' | 'repeated';
  /** False while only Temporal knows of the request. */
  readonly isRecorded: boolean;
  readonly row: RequestRow;
  /** The answer for the caller, where it is known without looking anything up. */
  readonly view?: RequestView;
}

/** The id that belongs to the caller's key: the same for every repeat. */
export function idOf(context: ApiContext, { caller, body, idempotencyKey }: CreateCall): string {
  const derive = body.mode === 'gate' ? gateRequestId : requestId;
  return derive(context.keys.identity, caller.principal.identity, idempotencyKey);
}

/** The id that the same key has for requests of the other kind. */
export function otherIdOf(context: ApiContext, call: CreateCall): string {
  const mode = call.body.mode === 'gate' ? 'execute' : 'gate';
  return idOf(context, { ...call, body: { ...call.body, mode } });
}
