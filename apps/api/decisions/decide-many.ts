import { identityKey } from '../../../domain/identity/identity.ts';
import type { DecideManyAnswer, DecideManyBody } from '../../../contract/decisions.ts';
import { refreshCaller } from '../auth/authenticate.ts';
import { reviewerOf, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { problemOfPart } from '../http/problems.ts';
import { decide } from './decide.ts';

/** So many are decided at once: each waits for its receipt. */
const AT_ONCE = 10;

type Item = DecideManyBody['items'][number];
type Outcome = DecideManyAnswer['items'][number];

/** Decisions on several requests. */
interface BatchCall {
  readonly caller: Caller;
  readonly items: readonly Item[];
  readonly idempotencyKey: string | null;
  readonly signal: AbortSignal;
}

/**
 * Decides each for itself: a refusal of one fails no other. A key leads to one decision for each request, so that the same
 * call again, also with some of its items, counts none twice. Counts as so many calls.
 */
export async function decideMany(context: ApiContext, call: BatchCall): Promise<DecideManyAnswer> {
  const { caller, items, signal } = call;
  context.limits.calls.charge(identityKey(caller.principal.identity), items.length - 1);
  const outcomes: Outcome[] = [];
  for (let done = 0; done < items.length && !signal.aborted; done += AT_ONCE) {
    const next = items.slice(done, done + AT_ONCE);
    outcomes.push(...(await Promise.all(next.map((item) => outcomeOf(context, call, item)))));
  }
  // After them, so that each attempt of a machine is an entry of its request.
  reviewerOf(caller);
  return { items: outcomes };
}

async function outcomeOf(
  context: ApiContext,
  { caller: known, idempotencyKey, signal }: BatchCall,
  { id, ...body }: Item,
): Promise<Outcome> {
  try {
    // The others may have taken a while.
    const caller = await refreshCaller(context, known);
    const decided = await decide(context, { caller, id, body, idempotencyKey, isInBatch: true }, signal);
    return { id, status: decided.row ? 200 : 202, decision: { id: decided.id }, problem: null };
  } catch (error) {
    const problem = problemOfPart(context, error);
    return { id, status: problem.status, decision: null, problem };
  }
}
