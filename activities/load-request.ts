import type { EntityManager } from 'typeorm';

import { digestOf } from '../domain/crypto/digest.ts';
import { openEnvelope, type SignedRequest } from '../domain/crypto/envelope.ts';
import { KeyturnError } from '../domain/errors.ts';
import { identityKey, rootOf } from '../domain/identity/identity.ts';
import { actionOf, targetOf, type PolicySet } from '../domain/policy/policy.ts';
import { readRequest, type ActivePolicy } from '../database/readers.ts';
import { policyOf, readSnapshot, type StepSnapshot } from '../database/step-snapshot.ts';
import type { RequestRow } from '../database/tables.ts';
import type { Connector, ConnectorCall } from './connectors/connector.ts';
import { gateConnector } from './connectors/gate-connector.ts';
import type { Dependencies } from './dependencies.ts';
import { openArguments } from './gather-facts.ts';
import { ownOf, type StepReference, type StepTransaction } from './step.ts';

/** The request of the calling run, after verifying that it is that run's own. */
export async function ownRow({ source }: Dependencies, reference: StepReference): Promise<RequestRow> {
  return ownOf(await readRequest(source.manager, reference.request), reference);
}

/** What a step goes by, read once in its transaction, which holds the request locked by then. */
export async function stepSnapshot(transaction: StepTransaction): Promise<StepSnapshot> {
  const { manager, row } = transaction;
  transaction.snapshot ??= await readSnapshot(manager, row.id);
  return transaction.snapshot;
}

/** The same once more, after further locks were waited for. Decisions stay: nobody else records one meanwhile. */
export async function stepSnapshotAgain(transaction: StepTransaction): Promise<StepSnapshot> {
  const { manager, row, snapshot: before } = transaction;
  const snapshot = await readSnapshot(manager, row.id);
  transaction.snapshot = before ? { ...snapshot, decisions: before.decisions } : snapshot;
  return transaction.snapshot;
}

/** The active policy. Without one nothing is planned, decided or executed: the step is tried again. */
export async function activePolicy(
  { policies }: Dependencies,
  manager: EntityManager,
  snapshot: StepSnapshot,
): Promise<ActivePolicy> {
  const active = await policyOf(policies, manager, snapshot);
  if (!active) throw new KeyturnError('unavailable', 'No policy is active.');
  return active;
}

/** The signed request behind a row; refuses a row that says anything else than what was signed. */
export async function verifiedRequest(
  { verificationKeys }: Dependencies,
  row: RequestRow,
): Promise<SignedRequest> {
  const signed = await openEnvelope('request', row.envelope, verificationKeys);
  const isSame =
    signed.id === row.id &&
    signed.action === row.action &&
    signed.schema_version === row.schema_version &&
    signed.target === row.target &&
    signed.mode === row.mode &&
    signed.policy_digest === row.creation_policy_digest &&
    signed.intent_digest === row.intent_digest &&
    // Who may decide depends on when the request was made.
    Date.parse(signed.issued_at) === row.created_at.getTime() &&
    digestOf(signed.lineage) === digestOf(row.lineage);
  if (!isSame) throw new KeyturnError('envelope_invalid', 'The stored request is not what was signed.');
  return signed;
}

/** A connector with the call it is to make, all from signed material and the active policy. */
export interface PreparedCall {
  readonly connector: Connector;
  readonly call: ConnectorCall;
}

/** The call of a request as it was signed, with its arguments opened: nothing is taken from workflow inputs. */
export async function prepareCall(
  dependencies: Dependencies,
  signed: SignedRequest,
  policy: PolicySet,
): Promise<PreparedCall> {
  const target = targetOf(policy, signed.target);
  const action = actionOf(policy, signed.action);
  const connector =
    action?.connector === null ? gateConnector : dependencies.connectors[action?.connector ?? ''];
  if (!target || !connector)
    throw new KeyturnError('unknown_target', 'The active policy has no such action or target.');
  const [requester] = signed.lineage;
  return {
    connector,
    call: {
      requestId: signed.id,
      action: signed.action,
      requester: requester ? `${requester.subject} (${requester.issuer})` : '',
      root: identityKey(rootOf(signed.lineage)),
      target,
      arguments: await openArguments(dependencies, signed),
    },
  };
}
