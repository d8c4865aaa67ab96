import { Context } from '@temporalio/activity';
import type { EntityManager } from 'typeorm';

import { budgetRoot, type BudgetRoot } from '../../domain/execution/budgets.ts';
import { isReviewAction, targetOf, type PolicySet } from '../../domain/policy/policy.ts';
import { sha256 } from '../../domain/crypto/digest.ts';
import { openEnvelope, type SignedRequest } from '../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../domain/errors.ts';
import type { OwnerKey } from '../../domain/policy/fact-declarations.ts';
import { RECEIVED_WITHIN_MS } from '../../domain/request/overdue.ts';
import { NO_LEAF } from '../../domain/audit/leaf.ts';
import type { Directory } from '../../domain/identity/directory.ts';
import { pseudonymOf } from '../../domain/identity/ids.ts';
import { databaseNow } from '../../database/clock.ts';
import { gateToWorkflow } from '../../database/gate-answers.ts';
import { newRequest } from '../../database/new-request.ts';
import { readRequest } from '../../database/readers.ts';
import { lockOpenRequests, openRequests } from '../../database/rehearsals.ts';
import { insertOnce } from '../../database/row-statements.ts';
import { requestTable, type RequestRow } from '../../database/tables.ts';
import { accountActor, accountSubjects, requesterKind } from '../actors.ts';
import { closeExpired, closeFailed } from '../close-request.ts';
import type { Dependencies } from '../dependencies.ts';
import { CLOCK_TOLERANCE_MS } from '../../domain/calendar/clock-tolerance.ts';
import type { CodeWithoutData } from '../../domain/policy/visibility.ts';
import { OneByOne } from './one-by-one.ts';
import { keptOwnerKey } from '../owner-key.ts';
import { stepReference } from '../caller.ts';
import { announceChange } from '../record.ts';
import { ownOf, Step, type StepReference, type StepTransaction } from '../step.ts';

/** What the workflow learns of a request it may wait for. */
export interface Received {
  readonly mode: SignedRequest['mode'];
}

interface Arrival {
  readonly envelope: string;
  readonly signed: SignedRequest;
  readonly policy: PolicySet;
  readonly ownerKey: OwnerKey | null;
  /** As it was when the request was made. */
  readonly directory: Directory;
  /** Whose open requests it is one of. Null for the review of a break-glass request. */
  readonly root: BudgetRoot | null;
}

const receiving = new OneByOne();

/**
 * The first step: verifies the signed request and makes its row. A start that the API did not sign, that was signed for
 * another workflow id, or that repeats a known request in another run, is refused before anything else happens. One that
 * comes too late is recorded as expired, and one beyond the budget of open requests as failed; neither comes again.
 */
export async function receive(
  dependencies: Dependencies,
  input: { readonly request: string; readonly at: string },
): Promise<Received> {
  const reference = stepReference('receive', input.at);
  const signed = await openEnvelope('request', input.request, dependencies.verificationKeys);
  if (signed.id !== reference.request) {
    throw new KeyturnError('envelope_invalid', 'The signed request belongs to another workflow.');
  }
  const policy = await dependencies.policies.byDigest(dependencies.source.manager, signed.policy_digest);
  const ownerKey = await keptOwnerKey(dependencies, signed, policy);
  const directory = await dependencies.directories.at(
    dependencies.source.manager,
    new Date(signed.issued_at),
  );
  // Keyturn itself opens reviews of break-glass requests.
  const root = isReviewAction(signed.action) ? null : budgetRoot(directory, signed.lineage);
  const arrival = { envelope: input.request, signed, policy, ownerKey, directory, root };
  const insert = (): Promise<Received> =>
    dependencies.source.transaction((manager) => receiveOnce(dependencies, { manager, reference }, arrival));
  // The database lets in one request of a root at a time: those that wait for that hold no connection meanwhile.
  const { cancellationSignal } = Context.current();
  const result = await (root === null ? insert() : receiving.run(root.id, cancellationSignal, insert));
  announceChange(dependencies, reference.request);
  return result;
}

async function receiveOnce(
  dependencies: Dependencies,
  { manager, reference }: { manager: EntityManager; reference: StepReference },
  arrival: Arrival,
): Promise<Received> {
  const result: Received = { mode: arrival.signed.mode };
  // Before everything else of the transaction: nobody waits in a circle.
  const now = await (arrival.root === null ? databaseNow(manager) : lockOpenRequests(manager, arrival.root));
  if (Date.parse(arrival.signed.issued_at) > now.getTime() + CLOCK_TOLERANCE_MS)
    throw new KeyturnError('envelope_invalid', 'The request is dated in the future.');
  const row = rowOf(arrival, reference, now);
  if (!(await insertOnce(manager, requestTable, row))) {
    ownOf(await readRequest(manager, reference.request), reference);
    return result;
  }
  if (row.mode === 'gate') await refuseAnswered(manager, row);
  const step = new Step({ manager, reference, row, last: NO_LEAF, now });
  await appendReceived(dependencies, step, arrival);
  const isLate = now.getTime() - Date.parse(arrival.signed.issued_at) > RECEIVED_WITHIN_MS;
  if (isLate) await closeExpired(step, 'expire_unseen', { failure: TOO_LATE });
  else if (await isBeyondBudget(dependencies, manager, arrival)) await closeFailed(step, BEYOND_BUDGET);
  step.keepResult(result);
  await step.write();
  return result;
}

const TOO_LATE = {
  code: 'envelope_expired',
  detail: 'It was received more than an hour after it was made.',
};

const BEYOND_BUDGET = {
  code: 'over_budget',
  detail: 'Too many requests of the same people and their agents were open when it was received.',
} satisfies { readonly code: CodeWithoutData; readonly detail: string };

async function isBeyondBudget(
  { budgets }: Dependencies,
  manager: EntityManager,
  { root }: Arrival,
): Promise<boolean> {
  if (root === null) return false;
  const { open } = await openRequests(manager, root, budgets.openRequests + 1);
  return open > budgets.openRequests;
}

/** A key that was answered on the spot, or given to another intent, has no workflow: there is one truth a key. */
async function refuseAnswered(manager: EntityManager, row: RequestRow): Promise<void> {
  const key = await gateToWorkflow(manager, row);
  if (key.verdict === 'workflow' && key.intent_digest === row.intent_digest) return;
  throw new KeyturnError('foreign_run', 'This request was answered without a workflow.');
}

function rowOf(
  { envelope, signed, policy, ownerKey }: Arrival,
  reference: StepReference,
  now: Date,
): RequestRow {
  const target = targetOf(policy, signed.target);
  if (!target || signed.lineage.length === 0)
    throw new KeyturnError('unknown_target', 'The policy of this request has no such target.');
  return {
    ...newRequest(signed, { envelope, environment: target.environment }),
    run_id: reference.run,
    owner_key: ownerKey,
    updated_at: new Date(Math.min(Date.parse(reference.at), now.getTime())),
    version: '1',
  };
}

async function appendReceived(
  { identityKey }: Dependencies,
  transaction: StepTransaction,
  { envelope, signed, directory }: Arrival,
): Promise<void> {
  const { row } = transaction;
  const requester = { issuer: row.requester_issuer, subject: row.requester_subject };
  transaction.remember(accountSubjects(identityKey, signed.lineage));
  await transaction.append({
    type: 'request.received',
    actor: accountActor(identityKey, requester, requesterKind(directory, requester)),
    policy_digest: signed.policy_digest,
    facts: {
      action: signed.action,
      schema_version: signed.schema_version,
      target: signed.target,
      mode: signed.mode,
      lineage: signed.lineage.map((member) => ({
        role: member.role,
        account: pseudonymOf(identityKey, member),
      })),
    },
    evidence: { grade: 'C', refs: [sha256(envelope)] },
  });
}
