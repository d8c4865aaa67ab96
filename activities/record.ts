import { lastLeafOf } from '../domain/audit/leaf.ts';
import { notifyChange } from '../database/changes.ts';
import { lockedRequest } from '../database/readers.ts';
import { readBefore } from '../database/steps.ts';
import type { Dependencies } from './dependencies.ts';
import { errorClass } from './error-class.ts';
import { ownOf, Step, type StepReference, type StepTransaction } from './step.ts';

/**
 * Runs one step in one transaction: business rows and audit entries commit together, first write wins, and only the run
 * that the request was received by may write (a reset or a forged start is another run and is refused). A step that
 * changes nothing leaves nothing behind: who can schedule activities chooses names of steps, and must not be able to
 * fix the result of one before its time.
 */
export async function recordStep<Result>(
  dependencies: Pick<Dependencies, 'source' | 'log'>,
  reference: StepReference,
  work: Work<Result>,
): Promise<Result> {
  return inOneTransaction(dependencies, { reference, work, isAnswerKept: false });
}

/** The same for a step whose answer alone must stand from then on. Its name must not be known before. */
export async function recordAnswer<Result>(
  dependencies: Pick<Dependencies, 'source' | 'log'>,
  reference: StepReference,
  work: Work<Result>,
): Promise<Result> {
  return inOneTransaction(dependencies, { reference, work, isAnswerKept: true });
}

/**
 * The same for a step and the one that follows from its result, if any: both are committed, or neither is. Each is
 * recorded by its own name. Answers the results of both; null for a step that did not follow, or not now.
 */
export async function recordStepAndNext<Result, Next>(
  dependencies: Pick<Dependencies, 'source' | 'log'>,
  step: RecordableStep<Result>,
  next: (result: Result) => RecordableStep<Next> | null,
): Promise<readonly [Result, Next | null]> {
  let second: Next | null = null;
  const goOn = async (result: Result, recorded: Step): Promise<boolean> => {
    const following = next(result);
    if (following === null) return false;
    const own = recorded.followedBy(following.reference);
    second = await following.work(own);
    if (own.hasChanged) own.keepResult(second);
    return own.hasChanged;
  };
  const first = await inOneTransaction(dependencies, { ...step, goOn, isAnswerKept: false });
  return [first, second];
}

/** A step, and what it does. */
export interface RecordableStep<Result> {
  readonly reference: StepReference;
  readonly work: Work<Result>;
}

interface StepToRun<Result> extends RecordableStep<Result> {
  readonly isAnswerKept: boolean;
  /** Called with the result before it is written, in the same transaction. True when it leaves anything behind. */
  readonly goOn?: (result: Result, recorded: Step) => Promise<boolean>;
}

async function inOneTransaction<Result>(
  dependencies: Pick<Dependencies, 'source' | 'log'>,
  { reference, work, isAnswerKept, goOn }: StepToRun<Result>,
): Promise<Result> {
  let hasChanged = false;
  const result = await dependencies.source.transaction(async (manager) => {
    // In one round trip: each is answered in its turn, so the second sees what the lock was waited for.
    const [locked, before] = await Promise.all([
      lockedRequest(manager, reference.request),
      readBefore(manager, reference),
    ]);
    const row = ownOf(locked, reference);
    if (before.is_recorded) return before.result as Result;
    const step = new Step({ manager, reference, row, last: lastLeafOf(before.leaf), now: before.now });
    const fresh = await work(step);
    hasChanged = step.hasChanged;
    if (hasChanged || isAnswerKept) step.keepResult(fresh);
    if (await goOn?.(fresh, step)) hasChanged = true;
    await step.write();
    return fresh;
  });
  if (hasChanged) announceChange(dependencies, reference.request);
  return result;
}

type Work<Result> = (transaction: StepTransaction) => Promise<Result>;

/**
 * Notifies listening processes, in a statement of its own after the commit: inside the writing transaction every commit
 * would queue behind a cluster-wide lock. Nobody waits for it: what is lost, or still waits for
 * an earlier one when the process ends, is made good by the listeners' slow poll.
 */
export function announceChange(dependencies: Pick<Dependencies, 'source' | 'log'>, request: string): void {
  notifyChange(dependencies.source.manager, request).catch((error: unknown) =>
    dependencies.log.warn({ err: errorClass(error) }, 'change not announced'),
  );
}
