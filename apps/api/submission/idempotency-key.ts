import { readGateSnapshot, readRequestKey, type GateSnapshot } from '../../../database/gate-answers.ts';
import { readRequest } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { KillSwitch } from '../../../domain/execution/kill-switch.ts';
import type { ApiContext } from '../context.ts';
import { keyReused } from '../http/idempotency.ts';
import { answeredRow } from '../requests/answered-row.ts';
import { undecided } from '../requests/load.ts';
import { refuseOtherCall, refuseOtherIntent, refuseUnusable } from './repeat.ts';
import { settled } from './settled.ts';
import { idOf, type Created, type CreateSubmission } from './submission.ts';

/** A key without a recorded request or answer, and what was read with it. */
export interface UnusedKey {
  readonly switches: readonly KillSwitch[];
  /** Null for a key that belongs to a workflow, by its mode or by an earlier call. */
  readonly gate: GateSnapshot | null;
}

type LookUp = Pick<ApiContext, 'source' | 'keys' | 'policies' | 'feed'>;

/** What the same call with this key led to before, if anything. Refuses (`idempotency_key_reused`) another call. */
export async function lookUpKey(context: LookUp, submission: CreateSubmission): Promise<Created | UnusedKey> {
  return submission.body.mode === 'gate' ? gateKey(context, submission) : requestKey(context, submission);
}

async function gateKey(context: LookUp, submission: CreateSubmission): Promise<Created | UnusedKey> {
  const otherId = idOf(context.keys.identity, submission, 'execute');
  const gate = await readGateSnapshot(context.source.manager, { ...submission, otherId });
  const { key, switches } = gate;
  if (!key && gate.isUsedOtherwise) throw keyReused();
  if (!key) return { switches, gate };
  refuseOtherIntent(submission, key.verdict === 'allowed' ? key.answer : key);
  if (key.verdict === 'workflow') {
    const row = await readRequest(context.source.manager, submission.id);
    return (await repeated(context, submission, row)) ?? { switches, gate: null };
  }
  await refuseOtherCall(context, submission, key.answer.envelope);
  const row = await answeredRow(context, key.answer);
  refuseUnusable(submission.caller.directory, switches, row);
  return { outcome: 'repeated', isRecorded: true, ...undecided(row) };
}

async function requestKey(context: LookUp, submission: CreateSubmission): Promise<Created | UnusedKey> {
  const gateId = idOf(context.keys.identity, submission, 'gate');
  const { row, isGateKey, switches } = await readRequestKey(context.source.manager, {
    ...submission,
    gateId,
  });
  const before = await repeated(context, submission, row);
  if (before) return before;
  if (isGateKey) throw keyReused();
  return { switches, gate: null };
}

/** The request that was made with the key, also where the call would be refused today. */
async function repeated(
  context: LookUp,
  submission: CreateSubmission,
  known: RequestRow | null,
): Promise<Created | null> {
  if (!known) return null;
  await refuseOtherCall(context, submission, known.envelope);
  return settled(context, submission, { outcome: 'repeated', started: null });
}
