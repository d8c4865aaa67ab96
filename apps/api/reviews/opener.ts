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

/** An emergency whose review could not be opened for so long has been an error in the log all the time. */
const DAYS = 7;

/**
 * Until it is stopped: opens the review of every emergency that is over. Any number of processes may do so: the id of a
 * review follows from the request, so there is one, whoever is first. What fails is tried again at the next look.
 */
export async function openReviews(context: ApiContext, signal: AbortSignal): Promise<void> {
  const { source, log } = context;
  const failed = 'could not look for emergencies to review';
  await every({ everyMs: EVERY_MS, source, lock: null, log, failed, signal }, () => look(context, signal));
}

async function look(context: ApiContext, signal: AbortSignal): Promise<void> {
  let after: string | null = null;
  while (!signal.aborted) {
    const page: readonly BreakGlassRequest[] = await endedBreakGlassRequests(context.source.manager, {
      after,
      days: DAYS,
      limit: PAGE,
    });
    await openMissing(context, page, signal);
    after = page.at(-1)?.id ?? null;
    if (page.length < PAGE) return;
  }
}

async function openMissing(
  context: ApiContext,
  emergencies: readonly BreakGlassRequest[],
  signal: AbortSignal,
): Promise<void> {
  if (emergencies.length === 0) return;
  const due = emergencies.map((emergency) => ({
    emergency,
    id: reviewId(context.keys.identity, emergency.id),
  }));
  const known = await recordedOf(
    context.source.manager,
    due.map(({ id }) => id),
  );
  for (const { emergency, id } of due) {
    if (known.has(id) || signal.aborted) continue;
    await openReview(context, emergency, id).catch((error: unknown) => {
      // Temporal or the database is away: the others would fail alike.
      if (isKeyturnError(error) && error.code === 'unavailable') throw error;
      context.log.error(
        { request: emergency.id, review: id, err: reasonOf(error) },
        'the review of a break-glass request could not be opened',
      );
    });
  }
}
