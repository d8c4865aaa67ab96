import { readSwitches } from '../../../database/kill-switches.ts';
import { readDecided, type DecidedRow } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { ApiContext } from '../context.ts';
import { startedRow, undecided } from '../requests/load.ts';
import type { StartedRequest } from '../requests/started.ts';
import { refuseUnusable } from './repeat.ts';
import type { Created, CreateSubmission } from './submission.ts';

/**
 * Waits, for as long as the caller wants, until the request is planned and evaluated. `started` is null where it is
 * recorded.
 */
export async function settled(
  context: Pick<ApiContext, 'source' | 'policies' | 'feed'>,
  submission: CreateSubmission,
  { outcome, started }: Pick<Created, 'outcome'> & { readonly started: StartedRequest | null },
): Promise<Created> {
  // What just began is not recorded yet: a caller who does not wait needs no query to learn it.
  if (outcome === 'created' && started && submission.waitMs === 0)
    return { outcome, isRecorded: false, ...undecided(await startedRow(context, started)) };
  const { manager } = context.source;
  const latest: { found: DecidedRow | null } = { found: null };
  await context.feed.waitFor({
    request: submission.id,
    timeoutMs: submission.waitMs,
    signal: submission.signal,
    check: async () => {
      latest.found = await readDecided(manager, submission.id);
      return latest.found?.row.status === 'planning' ? null : latest.found;
    },
  });
  const { found } = latest;
  if (found && outcome === 'repeated') await refuseUnusableAnswer(context, submission, found.row);
  if (found) return { outcome, isRecorded: true, ...found };
  if (!started)
    throw new KeyturnError(
      'unavailable',
      'The request cannot be read now. Repeat the call with the same Idempotency-Key.',
    );
  return { outcome, isRecorded: false, ...undecided(await startedRow(context, started)) };
}

/** An approval by people is an answer like one on the spot: it may be acted on while it is valid. */
async function refuseUnusableAnswer(
  { source }: Pick<ApiContext, 'source'>,
  { caller, body }: CreateSubmission,
  row: RequestRow,
): Promise<void> {
  if (body.mode !== 'gate' || row.status !== 'succeeded') return;
  refuseUnusable(caller.directory, await readSwitches(source.manager), row);
}
