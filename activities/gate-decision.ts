import type { EntityManager } from 'typeorm';

import { approvedUntil, type GateResult } from '../domain/gate.ts';
import type { Requirement } from '../domain/requirement.ts';
import { readDecisions } from '../database/readers.ts';
import type { RequestRow } from '../database/tables.ts';

/** A decision that somebody else acts on, and until when. */
export type GateDecision = Pick<GateResult, 'decision' | 'valid_until'>;

/** What entitles to the action, as far as its end goes. */
export interface GateGrounds {
  /** Null where nobody had to be asked. */
  readonly requirement: Requirement | null;
  readonly judgedAt: Date;
  readonly allowedMs: number;
}

/** Says until when an approval may be acted on: never longer than the approvals themselves last. */
export async function gateDecision(
  manager: EntityManager,
  row: Pick<RequestRow, 'id' | 'round'>,
  { requirement, judgedAt, allowedMs }: GateGrounds,
): Promise<GateDecision> {
  if (requirement === null) {
    const validUntil = new Date(judgedAt.getTime() + allowedMs).toISOString();
    return { decision: 'allowed', valid_until: validUntil };
  }
  const approvals = (await readDecisions(manager, row.id))
    .filter(
      ({ round, verdict, outcome }) => round === row.round && verdict === 'approve' && outcome === 'counted',
    )
    .map(({ at, seats }) => ({ at: at.toISOString(), seats }));
  return { decision: 'approved', valid_until: approvedUntil(requirement, approvals, judgedAt.toISOString()) };
}
