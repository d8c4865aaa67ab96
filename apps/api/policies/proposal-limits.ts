import type { StoredProposals } from '../../../database/policy-proposals.ts';
import { KeyturnError } from '../../../domain/errors.ts';

const MEBIBYTE = 1_048_576;

/** What one person may propose within a day, published or not. */
const OF_PERSON_A_DAY = { count: 100, bytes: 32 * MEBIBYTE };

/** How many proposals of all people are stored that were never published. */
const KEPT = { count: 5_000, bytes: 512 * MEBIBYTE };

/**
 * Refuses a proposal beyond these limits, so that nobody can fill the database with policies that are never published.
 * What is stored already costs nothing: the same folder can be proposed again and again.
 */
export function refuseTooMany({ isKnown, recent, secondsLeft, all }: StoredProposals, bytes: number): void {
  if (isKnown) return;
  if (recent.count >= OF_PERSON_A_DAY.count || recent.bytes + bytes > OF_PERSON_A_DAY.bytes)
    throw new KeyturnError(
      'too_many_proposals',
      `You have proposed ${recent.count} policies within a day (the limits are ${OF_PERSON_A_DAY.count} policies and ${OF_PERSON_A_DAY.bytes / MEBIBYTE} MiB). Have one of them published, or wait. To try things out use keyturn policy check, test and diff, which store nothing.`,
      { retryAfterSeconds: secondsLeft },
    );
  if (all.count >= KEPT.count || all.bytes + bytes > KEPT.bytes)
    throw new KeyturnError(
      'proposals_full',
      `${all.count} proposed policies that were never published are stored, which is the limit. A database operator has to delete old ones (docs/operating.md, "Proposed policies").`,
    );
}
