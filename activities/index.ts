import { ApplicationFailure } from '@temporalio/activity';

import { isKeyturnError, type ErrorCode } from '../domain/errors.ts';
import { consume, consumeLate } from './steps/consume.ts';
import { escalate } from './steps/escalate.ts';
import { expire } from './steps/expire.ts';
import type { Dependencies } from './dependencies.ts';
import { errorClass } from './error-class.ts';
import { evaluate } from './steps/evaluate.ts';
import { execute } from './steps/execute.ts';
import { abandonPlanning, plan } from './steps/plan.ts';
import { receive } from './steps/receive.ts';
import { reconsider } from './steps/reconsider.ts';

/** What workflows know of activities: types only. */
export type { Consumed } from './steps/consume.ts';
export type { Message } from './steps/messages.ts';
export type { Evaluated } from './steps/evaluate.ts';
export type { Planned } from './steps/plan.ts';
export type { Executed, SettledExecution } from './steps/settle.ts';

/** Refusals that no retry can change. Everything else (a database away, a policy not installed yet) is tried again. */
const LASTING: ReadonlySet<ErrorCode> = new Set([
  'envelope_invalid',
  'foreign_run',
  'illegal_move',
  'not_found',
  'unknown_target',
  'plan_failed',
  'plan_altered',
]);

/** The activities, bound to what they need. The names are the contract with open workflows: never rename one. */
export function createActivities(dependencies: Dependencies) {
  return {
    receive: guarded(dependencies, receive),
    plan: guarded(dependencies, plan),
    evaluate: guarded(dependencies, evaluate),
    consume: guarded(dependencies, consume),
    consumeLate: guarded(dependencies, consumeLate),
    escalate: guarded(dependencies, escalate),
    expire: guarded(dependencies, expire),
    reconsider: guarded(dependencies, reconsider),
    abandonPlanning: guarded(dependencies, abandonPlanning),
    execute: guarded(dependencies, execute),
  };
}

/** The activities as workflows see them. */
export type Activities = ReturnType<typeof createActivities>;

/**
 * Failures travel through Temporal's history, which is not encrypted: only a code leaves this process, never the text of
 * a database error, which may quote data.
 */
function guarded<Input, Output>(
  dependencies: Dependencies,
  activity: (dependencies: Dependencies, input: Input) => Promise<Output>,
): (input: Input) => Promise<Output> {
  return async (input) => {
    try {
      return await activity(dependencies, input);
    } catch (error) {
      if (error instanceof ApplicationFailure) throw error;
      if (isKeyturnError(error)) {
        dependencies.log.warn({ activity: activity.name, code: error.code }, 'activity refused');
        throw ApplicationFailure.create({
          message: error.message,
          type: error.code,
          nonRetryable: LASTING.has(error.code),
        });
      }
      dependencies.log.error({ activity: activity.name, err: errorClass(error) }, 'activity failed');
      throw ApplicationFailure.retryable('The step failed and will be tried again.', errorClass(error));
    }
  };
}
