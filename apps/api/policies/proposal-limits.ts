import type { StoredProposals } from '../../../database/policy-proposals.ts';
import { KeyturnError } from '../../../domain/errors.ts';

const MEBIBYTE = 1_048_576;

/** What one person may propose within a day, whether it is published or not. */
const OF_PERSON_A_DAY = { count: 100, bytes: 32 * MEBIBYTE };

/** What is kept of proposals that were never published, whoever made them. */
const KEPT = { count: 5_000, bytes: 512 * MEBIBYTE };

/**
 * Refuses a proposal that would be one too many: nobody fills the database with policies that nobody publishes. What is
 * stored already costs nothing, so the same folder can be proposed again and again.
 */
export function refuseTooMany({ isKnown, recent, secondsLeft, all }: StoredProposals, bytes: number): void {
  if (isKnown) return;
  if (recent.count >= OF_PERSON_A_DAY.count || recent.bytes + bytes > OF_PERSON_A_DAY.bytes)
    throw new KeyturnError(
      'too_many_proposals',
      `You have proposed ${recent.count} policies within a day (${OF_PERSON_A_DAY.count} and ${OF_PERSON_A_DAY.bytes / MEBIBYTE} MiB are the most). Ask for one of them to be published, or wait: try things out with keyturn policy check, test and diff, which store nothing.`,
      { retryAfterSeconds: secondsLeft },
    );
  if (all.count >= KEPT.count || all.bytes + bytes > KEPT.bytes)
    throw new KeyturnError(
      'proposals_full',
      `${all.count} proposed policies that were never published are stored, and no more are kept. An operator of the database has to delete old ones (docs/operating.md, "Proposed policies").`,
    );
}
