import type { RequestRow } from '../../../database/tables.ts';
import { candidatesOf, type StageCandidates } from '../../../domain/approval/candidates.ts';
import { ladderOf, selectorsAt } from '../../../domain/approval/escalation.ts';
import { isSameSeat, tally } from '../../../domain/approval/quorum.ts';
import { tallyFactsOf, type DecidableRequest } from '../../../domain/approval/seats.ts';
import type { RequestSummary } from '../../../contract/requests.ts';
import type { Standing } from './load.ts';

type Progress = NonNullable<RequestSummary['progress']>;

/** The progress of each stage and, with `hasPeople`, who may approve the open ones. */
export function progressOf(row: RequestRow, standing: Standing, hasPeople: boolean): Progress {
  const { request, directories } = standing;
  // Approvals of a request that moved on are shown as they were then, not as gone stale since.
  const now = (row.status === 'pending' ? new Date() : row.updated_at).toISOString();
  const candidates = hasPeople && directories ? candidatesOf({ request, directories, at: now }) : [];
  return { rules: rulesOf(request, candidates, now) };
}

function rulesOf(
  request: DecidableRequest,
  candidates: readonly StageCandidates[],
  now: string,
): Progress['rules'] {
  const counted = tally(tallyFactsOf(request, now));
  return request.requirement.rules.map((rule, ruleIndex) => ({
    rule: rule.rule,
    stages: rule.stages.map((stage, stageIndex) => {
      const state = counted.rules[ruleIndex]?.[stageIndex];
      const openedAt = state?.opened_at ?? null;
      const clocked = { stage, rule, clocks: request.clocks };
      const open = candidates.find(({ seat }) => isSameSeat(seat, { rule: ruleIndex, stage: stageIndex }));
      return {
        selectors: [...(openedAt === null ? stage.any : selectorsAt(clocked, openedAt, now))],
        quorum: stage.quorum,
        filled: state?.filled_by.length ?? 0,
        opened_at: openedAt,
        ladder: [...ladderOf(clocked, openedAt)],
        ...(open === undefined ? {} : { may_approve: mayApprove(open) }),
      };
    }),
  }));
}

/** A group may be large, and more names than these do not help. */
const NAMES_MAX = 20;

function mayApprove({ people }: StageCandidates): Progress['rules'][number]['stages'][number]['may_approve'] {
  const first = people.slice(0, NAMES_MAX).map(({ id, name }) => ({ id, name }));
  return { count: people.length, people: first };
}

/** The selectors of open stages, without quorums and rules. */
export function openTo(progress: Progress | null): string[] | null {
  if (progress === null) return null;
  const open = progress.rules.flatMap(({ stages }) => stages.filter(({ opened_at }) => opened_at !== null));
  return [...new Set(open.flatMap(({ selectors }) => selectors))].sort();
}
