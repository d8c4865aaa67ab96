import type { EntityManager } from 'typeorm';

import { checkDecision } from '../../domain/approval/decision.ts';
import { openEnvelope } from '../../domain/crypto/envelope.ts';
import type { Directory } from '../../domain/identity/directory.ts';
import { withoutTakenBack, type CountedDecision } from '../../domain/approval/quorum.ts';
import type { DecisionDirectories } from '../../domain/approval/seats.ts';
import { decidableRequest } from '../../database/readers.ts';
import type { DecisionRow, RequestRow } from '../../database/tables.ts';
import { attemptOf, type DatedDecision } from './count-decision.ts';
import { decisionDirectories, type Today } from '../../database/decision-directories.ts';
import type { Dependencies } from '../dependencies.ts';
import { randomIn } from '../../domain/proof/decision-proof.ts';
import { proofCheck, type ProofCheck } from './proofs.ts';

/** The request with the rules and people of now. */
export interface RebuildInputs {
  readonly manager: EntityManager;
  readonly row: RequestRow;
  readonly today: Today;
  readonly atCreation: Directory;
}

/**
 * The decisions of the round, made anew from their signatures: each is checked as if it arrived now, with the directory
 * of today. One whose signature, person, membership or words do not hold any more is left out. Decisions recorded in one
 * step share its time, and a later stage opens by an earlier one: so those left out are looked at again until none fits.
 * What was taken back is left out, whatever its account is linked to today.
 */
export async function rebuildDecisions(
  dependencies: Dependencies,
  inputs: RebuildInputs,
  rows: readonly DecisionRow[],
): Promise<CountedDecision[]> {
  const { manager, ...people } = inputs;
  const directories = await decisionDirectories(dependencies, manager, people);
  const rebuilt: CountedDecision[] = [];
  let waiting = await signedDecisions(dependencies, inputs, rows);
  const faultOf = await proofCheck(
    dependencies,
    inputs,
    waiting.map(({ signed }) => signed),
  );
  for (let before = -1; before < rebuilt.length;) {
    before = rebuilt.length;
    waiting = waiting.filter((dated) => {
      const counted = countAnew(inputs, { directories, faultOf }, { dated, rebuilt });
      if (counted) rebuilt.push(counted);
      return !counted;
    });
  }
  return rebuilt;
}

/**
 * The counted decisions of the round that the API signed for this request. What a person signed once proves one decision:
 * what stands twice, in whatever round and whatever came of it, counts for none.
 */
async function signedDecisions(
  { verificationKeys }: Dependencies,
  { row }: RebuildInputs,
  rows: readonly DecisionRow[],
): Promise<DatedDecision[]> {
  const found: DatedDecision[] = [];
  const counted = rows.filter(({ round, outcome }) => round === row.round && outcome === 'counted');
  const repeated = repeatedIn(rows);
  for (const stored of counted) {
    const signed = await openEnvelope('decision', stored.envelope, verificationKeys).catch(() => null);
    if (!signed || signed.request !== row.id || signed.id !== stored.id) continue;
    // A denial stops it whatever it was proven with.
    if (signed.verdict === 'approve' && repeated.has(stored)) continue;
    // A ticket counts from its use, which only the database knows; its age can not be made younger than that.
    const at = signed.ticket_expires_at === null ? signed.issued_at : stored.at.toISOString();
    found.push({ signed, envelope: stored.envelope, instant: { at, isInTime: true } });
  }
  // Also by a row whose signature does not hold: by it the person was told that their approval counts no more.
  const standing = new Set(withoutTakenBack([...counted, ...found.map(({ signed }) => signed)]));
  return found.filter(({ signed }) => standing.has(signed));
}

/** The rows that share a proof: which of them it was made for, no row can say. */
function repeatedIn(rows: readonly DecisionRow[]): ReadonlySet<DecisionRow> {
  const randoms = rows.map(({ envelope }) => randomIn(envelope));
  return new Set(
    rows.filter(
      (_, at) => randoms[at] != null && randoms.indexOf(randoms[at]) !== randoms.lastIndexOf(randoms[at]),
    ),
  );
}

function countAnew(
  { row, today }: RebuildInputs,
  { directories, faultOf }: { readonly directories: DecisionDirectories; readonly faultOf: ProofCheck },
  { dated, rebuilt }: { readonly dated: DatedDecision; readonly rebuilt: readonly CountedDecision[] },
): CountedDecision | null {
  // A denial counts as long as what it stops was not claimed.
  const status = dated.signed.verdict === 'deny' ? 'approved' : 'pending';
  const request = decidableRequest({ ...row, status }, [], today.policy);
  if (!request) return null;
  const check = checkDecision({
    request: { ...request, decisions: rebuilt },
    attempt: attemptOf(dated),
    directories,
  });
  if (!check.ok) return null;
  // A denial stops it whatever it was proven with.
  if (dated.signed.verdict === 'approve' && faultOf(dated.signed, check.person) !== null) return null;
  const { id, verdict, grade } = dated.signed;
  return { id, person: check.person, verdict, at: dated.instant.at, grade, seats: check.seats };
}
