import {
  endedBreakGlassRequests,
  recordedOf,
  type BreakGlassRequest,
} from '../../../database/break-glass.ts';
import { reviewId } from '../../../domain/identity/ids.ts';
import { isKeyturnError } from '../../../domain/errors.ts';
import { every, reasonOf } from '../../every.ts';
import type { ApiContext } from '../context.ts';
import { openReview } from './open-review.ts';

const EVERY_MS = 3_000;
const PAGE = 100;

/** A review that could not be opened for so long has been an error in the log all the time. */
const DAYS = 7;

/**
 * Until it is stopped: opens the review of every break-glass request that is over. Any number of processes may do so: the id
 * of a review follows from the request, so there is only one. What fails is tried again in the next round.
 */
export async function openReviews(context: ApiContext, signal: AbortSignal): Promise<void> {
  const { source, log } = context;
  const failed = 'could not look for break-glass requests to review';
  await every({ everyMs: EVERY_MS, source, lock: null, log, failed, signal }, () => openAll(context, signal));
}

async function openAll(context: ApiContext, signal: AbortSignal): Promise<void> {
  let after: string | null = null;
  while (!signal.aborted) {
    const window = { after, days: DAYS, limit: PAGE };
    const page: readonly BreakGlassRequest[] = await endedBreakGlassRequests(context.source.manager, window);
    await openMissing(context, page, signal);
    after = page.at(-1)?.id ?? null;
    if (page.length < PAGE) return;
  }
}

async function openMissing(
  context: ApiContext,
  ended: readonly BreakGlassRequest[],
  signal: AbortSignal,
): Promise<void> {
  if (ended.length === 0) return;
  const idOf = ({ id }: BreakGlassRequest): string => reviewId(context.keys.identity, id);
  const known = await recordedOf(context.source.manager, ended.map(idOf));
  for (const breakGlass of ended) {
    const id = idOf(breakGlass);
    if (known.has(id) || signal.aborted) continue;
    await openReview(context, breakGlass, id).catch((error: unknown) => {
      // Temporal or the database is away: the others would fail alike.
      if (isKeyturnError(error) && error.code === 'unavailable') throw error;
      context.log.error(
        { request: breakGlass.id, review: id, err: reasonOf(error) },
        'the review of a break-glass request could not be opened',
      );
    });
  }
}
