import { readSwitches } from '../../../database/kill-switches.ts';
import { decidableRequest } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { checkDecision, type DecisionAttempt } from '../../../domain/approval/decision.ts';
import type { SignedDecision } from '../../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { isFinal } from '../../../domain/request/status.ts';
import { cutOf } from '../../../domain/cards/effects.ts';
import type { StoredPlan } from '../../../domain/request/plan.ts';
import { isGradeSufficient, SESSION_GRADE, type Requirement } from '../../../domain/request/requirement.ts';
import type { DecisionBody, ProofAnswer, ProofBody } from '../../../contract/decisions.ts';
import { reviewerOf, type Caller } from '../auth/caller.ts';
import { sessionOf } from '../auth/session-of.ts';
import type { ApiContext } from '../context.ts';
import { reviewersViewDigest } from '../requests/card.ts';
import { directoriesOf, loadRequest } from '../requests/load.ts';
import { rowWithPlan } from '../requests/signed-rows.ts';
import { refusalOf } from '../switches/refusal.ts';
import { beginProof, proofNamedBy, provenBy } from './proof.ts';

/** A decision that the caller may make now. */
export interface AuthorizedDecision {
  readonly row: RequestRow;
  readonly attempt: DecisionAttempt;
  /** What proves it beyond the session; null for grade C. */
  readonly proof: NonNullable<SignedDecision['proof']> | null;
}

/** What somebody wants to decide on which request. */
export interface DecisionCall {
  readonly caller: Caller;
  readonly id: string;
  readonly body: DecisionBody;
  /** It is one of several that are made at once. */
  readonly isInBatch?: boolean;
}

/**
 * Refuses at once what the worker would refuse later, by the same functions. Passing here does not count yet: the worker
 * authorizes the decision again, and the executor a third time.
 */
export async function authorize(context: ApiContext, call: DecisionCall): Promise<AuthorizedDecision> {
  const begun = await proofNamedBy(context, call);
  const allowed = await allow(context, call, begun?.grade ?? SESSION_GRADE);
  const { row } = allowed;
  return {
    ...allowed,
    proof: begun && (await provenBy(context, call.caller, { row, body: call.body, begun })),
  };
}

/** Begins the proof of an approval. Refuses at once what would be refused with it. */
export async function authorizeProof(
  context: ApiContext,
  { caller, id, body }: { readonly caller: Caller; readonly id: string; readonly body: ProofBody },
): Promise<ProofAnswer> {
  const { id: session } = sessionOf(caller);
  const { grade, ...decision } = body;
  // The reason comes with the decision.
  const { row } = await allow(context, { caller, id, body: { ...decision, reason: '-' } }, grade);
  return beginProof(context, caller, { row, body, session });
}

/** The decision, on evidence of this grade. */
async function allow(
  context: ApiContext,
  { caller, id, body, isInBatch = false }: DecisionCall,
  grade: DecisionAttempt['grade'],
): Promise<Omit<AuthorizedDecision, 'proof'>> {
  reviewerOf(caller);
  refuseUnseen(caller, body);
  const { row, decisions } = await loadRequest(context, caller, id);
  const { policy } = caller.policy;
  const request = decidableRequest(row, decisions, policy);
  if (!request) throw notPending(row);
  const attempt = attemptOf(caller, body, grade);
  const directories = await directoriesOf(context, caller, { row });
  const check = checkDecision({ request, attempt, directories, reviewers: policy.reviewers });
  if (!check.ok) throw new KeyturnError(check.code, check.message);
  await refuseOtherView(context, caller, { row, body });
  // A request that a switch stops can still be denied or deferred.
  if (body.verdict !== 'approve') return { row, attempt };
  if (isInBatch) await refuseInBatch(context, row);
  const { agents } = caller.directory;
  const stopped = refusalOf(await readSwitches(context.source.manager), { ...row, agents });
  if (stopped) throw stopped;
  return { row, attempt };
}

/** Refuses (`not_in_batch`) to approve with others what takes a look of its own. Denying takes none. */
async function refuseInBatch(context: ApiContext, known: RequestRow): Promise<void> {
  const { row, plan } = await rowWithPlan(context, known);
  const because = reasonForOwnLook(row.requirement, plan);
  if (because === null) return;
  const message = `It cannot be approved with others, because ${because}. Open it and decide on it alone.`;
  throw new KeyturnError('not_in_batch', message);
}

function reasonForOwnLook(requirement: Requirement | null, plan: StoredPlan | null): string | null {
  if (requirement === null || plan === null) return 'its plan is not known';
  if (requirement.risk === 'high' || requirement.risk === 'critical')
    return `its risk is ${requirement.risk}`;
  const isWeak = requirement.rules.some(
    ({ minimum_grade: grade }) => !isGradeSufficient(SESSION_GRADE, grade),
  );
  if (isWeak) return `policy asks for stronger evidence than grade ${SESSION_GRADE}`;
  const { rows, values } = cutOf(plan.effects);
  // What could not be tried out, or is performed elsewhere, has no effects that could be cut.
  return rows + values === 0 && plan.risk_facts.is_fully_previewed
    ? null
    : 'its plan does not show everything that changes';
}

/** The refusal to decide a request that is over, or not pending yet. */
export function notPending({ status }: RequestRow): KeyturnError {
  return isFinal(status)
    ? new KeyturnError('request_finished', `The request is over: ${status}.`)
    : new KeyturnError('request_not_pending', `The request is ${status}, not pending.`);
}

function attemptOf(caller: Caller, body: DecisionBody, grade: DecisionAttempt['grade']): DecisionAttempt {
  const { identity, isHuman } = caller.principal;
  return {
    decision_digest: body.decision_digest,
    verdict: body.verdict,
    ...takenBackIn(body),
    reviewer: identity,
    is_human: isHuman,
    grade,
    has_reason: Boolean(body.reason?.trim()),
    defer: deferOf(body),
    at: new Date().toISOString(),
  };
}

/** A page that a browser shows must say what it showed. */
function refuseUnseen({ principal }: Caller, body: DecisionBody): void {
  if (viewOf(body).view !== undefined || principal.session === null) return;
  throw new KeyturnError(
    'view_digest_missing',
    'Send `view_digest`, the digest of the card that was shown: a decision by a session is on what the browser shows.',
  );
}

/** What was shown is what would be shown now to somebody who may decide, which the caller is. */
async function refuseOtherView(
  context: ApiContext,
  caller: Caller,
  { row, body }: { readonly row: RequestRow; readonly body: DecisionBody },
): Promise<void> {
  if (
    body.view_digest === undefined ||
    body.view_digest === (await reviewersViewDigest(context, caller, row))
  )
    return;
  throw new KeyturnError(
    'view_digest_stale',
    'What was shown is not what is shown now, though the same is asked: a name or a term has changed. Load it again.',
  );
}

/** What the client says it showed; nothing where it does not say so. */
export function viewOf({ view_digest: digest, opened }: DecisionBody): Pick<SignedDecision, 'view'> {
  if (digest !== undefined) return { view: { digest, opened: [...(opened ?? [])] } };
  if (opened === undefined) return {};
  throw new KeyturnError('invalid_request', '`opened` is about a card: send its `view_digest` as well.');
}

/** Which approval is taken back; nothing where none is named. */
export function takenBackIn({ takes_back }: DecisionBody): Pick<SignedDecision, 'takes_back'> {
  return takes_back === undefined ? {} : { takes_back };
}

/** How a decision is deferred; null for other verdicts. */
export function deferOf({ verdict, defer }: DecisionBody): DecisionAttempt['defer'] {
  if (!defer) return null;
  if (verdict !== 'defer')
    throw new KeyturnError('defer_invalid', 'Only the verdict defer can have `defer`.');
  return {
    until: defer.until === undefined ? null : new Date(defer.until).toISOString(),
    to: defer.to ?? null,
  };
}
