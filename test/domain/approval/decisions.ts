import type { DecisionAttempt, DecisionCheck, DecisionFacts } from '../../../domain/approval/decision.ts';
import type { DecidableRequest } from '../../../domain/approval/seats.ts';
import { checkDecision } from '../../../domain/approval/decision.ts';
import type { Rotation } from '../../../domain/calendar/rotation.ts';
import type { Directory } from '../../../domain/identity/directory.ts';
import type { PolledRotations } from '../../../domain/approval/on-call.ts';
import { reviewBy, DIRECTORY, ISSUER, minutes, requirement, stage, START } from '../examples.ts';

export const DIGEST = `sha256:${'d'.repeat(64)}`;

/** A pending request of the billing agent that one administrator decides. */
export const REQUEST: DecidableRequest = {
  status: 'pending',
  decision_digest: DIGEST,
  lineage: [{ role: 'requester', issuer: ISSUER, subject: 'agent-billing' }],
  requirement: requirement([reviewBy([stage(['group:dba'])])]),
  pending_since: START,
  expires_at: minutes(240),
  owners: ['group:shop-owners'],
  decisions: [],
};

/** Olga approves after five minutes. */
export const ATTEMPT: DecisionAttempt = {
  decision_digest: DIGEST,
  verdict: 'approve',
  reviewer: { issuer: ISSUER, subject: 'sub-olga' },
  is_human: true,
  grade: 'C',
  has_reason: false,
  defer: null,
  at: minutes(5),
};

/** What differs from the plain case. */
export interface Changes {
  readonly request?: Partial<DecidableRequest>;
  readonly attempt?: Partial<DecisionAttempt>;
  readonly now?: Directory;
  readonly atCreation?: Directory;
  readonly rotations?: readonly Rotation[];
  readonly rotationsAtCreation?: readonly Rotation[];
  readonly polled?: PolledRotations;
  readonly ownersAtCreation?: readonly string[];
  readonly reviewers?: DecisionFacts['reviewers'];
}

/** The attempt of somebody else. */
export function by(person: string, changes: Partial<DecisionAttempt> = {}): Partial<DecisionAttempt> {
  return { reviewer: { issuer: ISSUER, subject: `sub-${person}` }, ...changes };
}

export function factsWith({ request, attempt, now, atCreation, ...changes }: Changes): DecisionFacts {
  const today = now ?? DIRECTORY;
  const rotations = changes.rotations ?? [];
  return {
    request: { ...REQUEST, ...request },
    attempt: { ...ATTEMPT, ...attempt },
    directories: {
      now: today,
      at_creation: atCreation ?? today,
      rotations: { now: rotations, at_creation: changes.rotationsAtCreation ?? rotations },
      ...(changes.polled ? { polled: changes.polled } : {}),
      owners_at_creation: changes.ownersAtCreation ?? request?.owners ?? REQUEST.owners,
    },
    reviewers: changes.reviewers,
  };
}

export function check(changes: Changes = {}): DecisionCheck {
  return checkDecision(factsWith(changes));
}

/** The code of the refusal, or `ok`. */
export function outcome(changes: Changes = {}): string {
  const result = check(changes);
  return result.ok ? 'ok' : result.code;
}
