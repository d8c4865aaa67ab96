import type { z } from 'zod';

import type { createBodySchema } from '../../../domain/wire.ts';
import type { Caller } from '../auth/caller.ts';

/** A create call, its form checked. */
export interface CreateCall {
  readonly caller: Caller;
  readonly body: z.output<typeof createBodySchema>;
  readonly idempotencyKey: string;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}
