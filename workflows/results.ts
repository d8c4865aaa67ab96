import { ApplicationFailure } from '@temporalio/workflow';

import type { Consumed, Evaluated, Executed, Planned } from '../activities/index.ts';
import { REQUEST_STATUSES, type RequestStatus } from '../domain/request.ts';

/*
 * Whoever can write to the namespace can complete our activities and workflow tasks with anything. What is not readable
 * must not keep a workflow task failing for ever: a regular activity is called again; where the answer is part of the
 * history, the workflow ends, and the sweeper closes the request without approval.
 */

/** The answer of planning, or null. */
export function plannedIn(answer: unknown): Planned | null {
  const { kind, status, plan_digest } = fieldsOf(answer);
  if (kind === 'planned' && typeof plan_digest === 'string') return { kind, plan_digest };
  return kind === 'closed' && isStatus(status) ? { kind, status } : null;
}

/** The answer of the execution, or null. */
export function performedIn(answer: unknown): Executed | null {
  const { kind, status, until } = fieldsOf(answer);
  if (kind === 'again') return { kind };
  if (kind === 'held') return isInstant(until) ? { kind, until } : null;
  return kind === 'closed' && isStatus(status) ? { kind, status } : null;
}

/** The answer of an evaluation. Ends the workflow when it is none. */
export function evaluatedIn(answer: unknown): Evaluated {
  const { kind, status, requirement, pending_since, expires_at } = fieldsOf(answer);
  if (kind === 'allow') return { kind };
  if (kind === 'closed' && isStatus(status)) return { kind, status };
  const isRound =
    kind === 'review' &&
    Array.isArray(fieldsOf(requirement)['rules']) &&
    isInstant(pending_since) &&
    isInstant(expires_at);
  if (!isRound) throw unreadable();
  return answer as Evaluated;
}

/** A status that a step answers. Ends the workflow when it is none. */
export function statusIn<Answer extends { readonly status: RequestStatus }>(answer: Answer): Answer {
  if (!isStatus(fieldsOf(answer)['status'])) throw unreadable();
  return answer;
}

/** What a batch of messages came to. Ends the workflow when it is none. */
export function consumedIn(answer: Consumed): Consumed {
  const { counted, late } = fieldsOf(answer);
  if (!Array.isArray(counted) || !Array.isArray(late)) throw unreadable();
  return statusIn(answer);
}

function fieldsOf(answer: unknown): Readonly<Record<string, unknown>> {
  return typeof answer === 'object' && answer !== null ? (answer as Readonly<Record<string, unknown>>) : {};
}

function isStatus(value: unknown): value is RequestStatus {
  return (REQUEST_STATUSES as readonly unknown[]).includes(value);
}

function isInstant(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function unreadable(): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    'A step answered what no step of Keyturn answers.',
    'foreign_answer',
  );
}
