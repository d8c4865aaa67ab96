import { ApplicationFailure, TemporalFailure } from '@temporalio/workflow';

import type { Consumed, Evaluated, Executed, Planned } from '../activities/index.ts';
import { REQUEST_STATUSES, type RequestStatus } from '../domain/request/status.ts';

/*
 * Anybody who can write to the namespace can complete our activities and workflow tasks with anything. Unreadable answers
 * must not keep a workflow task failing for ever: a regular activity is called again; where the answer is part of the
 * history, the workflow ends, and the sweeper closes the request without approval.
 */

/** Longer texts are no digests or names of risks; and no timer is longer than this, which servers refuse at some length. */
const SHORT_LENGTH_MAX = 100;
const WAIT_MS_MAX = 366 * 24 * 60 * 60_000;

/** An approved request that is held asks again so often: until when it is held somebody else may have answered. */
const HOLD_MS_MAX = 6 * 60 * 60_000;

/** Clocks differ: asked too early it would only be held again. */
const HOLD_MS_MIN = 1_000;

/** How long to wait for an instant that an answer names: so long at most, and then it is looked at again. */
export function waitMsUntil(instant: number): number {
  return Math.min(instant - Date.now(), WAIT_MS_MAX);
}

/** How long to leave a held request before the execution is asked again, which knows from the database until when. */
export function holdMs(until: string): number {
  return Math.min(Math.max(Date.parse(until) - Date.now(), HOLD_MS_MIN), HOLD_MS_MAX);
}

/** What is worked out from an answer. Where that is not possible the answer was none of ours: the workflow ends. */
export function workedOut<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw error instanceof TemporalFailure ? error : unreadable();
  }
}

/** The answer of planning, or null. */
export function plannedIn(answer: unknown): Planned | null {
  const { kind, status, plan_digest, evaluated } = fieldsOf(answer);
  if (kind === 'planned' && isShort(plan_digest))
    return { kind, plan_digest, ...(isEvaluated(evaluated) ? { evaluated } : {}) };
  return kind === 'closed' && isStatus(status) ? { kind, status } : null;
}

/** The answer of the execution, or null. */
export function executedIn(answer: unknown): Executed | null {
  const { kind, status, until } = fieldsOf(answer);
  if (kind === 'again') return { kind };
  if (kind === 'held') return isInstant(until) ? { kind, until } : null;
  return kind === 'closed' && isStatus(status) ? { kind, status } : null;
}

/** The answer of an evaluation. Ends the workflow when it is none. */
export function evaluatedIn(answer: unknown): Evaluated {
  if (!isEvaluated(answer)) throw unreadable();
  return answer;
}

function isEvaluated(answer: unknown): answer is Evaluated {
  const { kind, status, requirement, decision_digest, pending_since, expires_at } = fieldsOf(answer);
  const { rules, risk } = fieldsOf(requirement);
  if (kind === 'allow') return true;
  if (kind === 'closed') return isStatus(status);
  return (
    kind === 'review' &&
    Array.isArray(rules) &&
    isShort(risk) &&
    isShort(decision_digest) &&
    isInstant(pending_since) &&
    isInstant(expires_at)
  );
}

/** A status that a step answers. Ends the workflow when it is none. */
export function statusIn<Answer extends { readonly status: RequestStatus }>(answer: Answer): Answer {
  if (!isStatus(fieldsOf(answer)['status'])) throw unreadable();
  return answer;
}

/** What a batch of messages came to. Ends the workflow when it is none. */
export function consumedIn(answer: unknown): Consumed {
  const consumed = lateIn(answer);
  if (consumed === null) throw unreadable();
  return consumed;
}

/** What a batch of late tickets came to, or null. */
export function lateIn(answer: unknown): Consumed | null {
  const { status, counted, late, ignored = 0 } = fieldsOf(answer);
  const isConsumed =
    isStatus(status) &&
    isListOf(counted, isDecision) &&
    isListOf(late, isMessage) &&
    Number.isSafeInteger(ignored);
  return isConsumed ? (answer as Consumed) : null;
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

function isMessage(value: unknown): boolean {
  const { kind, body } = fieldsOf(value);
  return (kind === 'decide' || kind === 'withdraw') && typeof body === 'string';
}

function isDecision(value: unknown): boolean {
  const { id, person, verdict, at, grade, seats } = fieldsOf(value);
  return (
    [id, person, verdict, grade].every((text) => typeof text === 'string') &&
    isInstant(at) &&
    isListOf(seats, isSeat)
  );
}

function isSeat(value: unknown): boolean {
  const { rule, stage } = fieldsOf(value);
  return Number.isInteger(rule) && Number.isInteger(stage);
}

function isShort(value: unknown): value is string {
  return typeof value === 'string' && value.length <= SHORT_LENGTH_MAX;
}

function fieldsOf(answer: unknown): Readonly<Record<string, unknown>> {
  return typeof answer === 'object' && answer !== null ? (answer as Readonly<Record<string, unknown>>) : {};
}

function isStatus(value: unknown): value is RequestStatus {
  return (REQUEST_STATUSES as readonly unknown[]).includes(value);
}

function isInstant(value: unknown): value is string {
  return isShort(value) && !Number.isNaN(Date.parse(value));
}

function unreadable(): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    'A step answered what no step of Keyturn answers.',
    'foreign_answer',
  );
}
