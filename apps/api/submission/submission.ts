import type { z } from 'zod';

import type { FactsSubject } from '../../../database/counted-facts.ts';
import type { DecidedRow } from '../../../database/readers.ts';
import type { createBodySchema, RequestView } from '../../../contract/requests.ts';
import type { SignedRequest } from '../../../domain/crypto/envelope.ts';
import { gateRequestId, requestId } from '../../../domain/identity/ids.ts';
import type { PolicyQuery } from '../../../domain/policy/policy-query.ts';
import type { Caller } from '../auth/caller.ts';
import type { CatalogueEntry } from '../catalogue/entry.ts';

type CreateBody = z.output<typeof createBodySchema>;

/** What a caller wants: a request, an answer on the spot, or only what policy would say. */
export interface Submission extends FactsSubject {
  readonly caller: Caller;
  readonly body: Pick<CreateBody, 'action' | 'target' | 'mode' | 'arguments' | 'break_glass' | 'start'>;
}

/** A submission that passed the checks, with its query to policy. */
export interface Checked extends CatalogueEntry {
  readonly start: SignedRequest['start'];
  readonly query: PolicyQuery & FactsSubject;
}

/** A create call in its checked form. */
export interface CreateCall {
  readonly caller: Caller;
  readonly body: CreateBody;
  readonly idempotencyKey: string;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** A create call, with who stands behind it. */
export type CreateSubmission = Submission & CreateCall;

/** The outcome of a create call. */
export interface Created extends DecidedRow {
  readonly outcome: 'created' | 'repeated';
  /** False while only Temporal knows of the request. */
  readonly isRecorded: boolean;
  /** The answer for the caller, where it is known without reading anything. */
  readonly view?: RequestView;
}

/** The id that belongs to the caller's key for requests of this mode: the same for every repeat. */
export function idOf(
  identityKey: Uint8Array,
  { caller, idempotencyKey }: CreateCall,
  mode: CreateBody['mode'],
): string {
  const derive = mode === 'gate' ? gateRequestId : requestId;
  return derive(identityKey, caller.principal.identity, idempotencyKey);
}
