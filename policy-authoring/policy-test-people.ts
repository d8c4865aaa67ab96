import { escalationSteps } from '../domain/approval/escalation.ts';
import { directoriesIn, ownersIn, type EvaluatedRequest, type ReviewAfter } from './policy-test-review.ts';
import type { Selector } from '../domain/request/requirement.ts';
import { approversLeft, shortagesOf, type ShortageFacts } from '../domain/approval/satisfiable.ts';
import { tallyFactsOf } from '../domain/approval/seats.ts';

/** `group:dba-leads at 2026-01-12T08:00:00.000Z` */
export function escalationText({ to, at }: { readonly to: Selector; readonly at: string }): string {
  return `${to} at ${at}`;
}

/** Escalations of the stages that are open after the decisions of a test, due or not: none once it is decided. */
export function escalationsOf({ request, status, nowMs }: ReviewAfter): readonly string[] {
  if (request === null || status !== 'pending') return [];
  return escalationSteps(tallyFactsOf(request, new Date(nowMs).toISOString())).map(escalationText);
}

/** The rules that too few people could satisfy when the request was made. */
export function shortageOf(evaluated: EvaluatedRequest): readonly string[] {
  const facts = shortageFacts(evaluated);
  return facts === null ? [] : shortagesOf(facts).map(({ rule }) => rule);
}

/** Everybody who could fill a seat while it is pending, but for those behind the request and those who decided. */
export function approversOf(
  evaluated: EvaluatedRequest,
  { request, status }: ReviewAfter,
): readonly string[] {
  const facts = status === 'pending' ? shortageFacts(evaluated) : null;
  const decided = new Set(request?.decisions.map(({ person }) => person));
  return facts === null ? [] : approversLeft(facts).filter((person) => !decided.has(person));
}

function shortageFacts(evaluated: EvaluatedRequest): ShortageFacts | null {
  const { lineage, evaluation } = evaluated;
  const { requirement } = evaluation;
  return (
    requirement && {
      requirement,
      lineage,
      owners: ownersIn(evaluated),
      directories: directoriesIn(evaluated),
    }
  );
}
