import { randomBytes } from 'node:crypto';

import { readRequest } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { requestId } from '../../../domain/audit.ts';
import type { JsonValue } from '../../../domain/canonical-json.ts';
import { intentDigest } from '../../../domain/digest.ts';
import { signEnvelope, type SignedRequest } from '../../../domain/envelope.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { Lineage } from '../../../domain/identity.ts';
import { actionOf, targetOf, type ActionDefinition, type Target } from '../../../domain/policy.ts';
import { seal } from '../../../domain/sealing.ts';
import type { ApiContext } from '../context.ts';
import { refusalBySwitch } from '../switches/refusal.ts';
import { refuseNoBreakGlass } from './break-glass.ts';
import type { CreateCall } from './create-call.ts';
import { editorsOf } from './editors.ts';
import { explain } from './explain.ts';
import { lineageOf } from './lineage.ts';
import { unrecordedRow } from './load.ts';
import { startOf } from './start-window.ts';
import { readStart, startWorkflow, type StartedRequest } from './start.ts';

/** What became of a create call. */
export interface Created {
  readonly outcome: 'created' | 'repeated';
  /** False while only Temporal knows of the request. */
  readonly isRecorded: boolean;
  readonly row: RequestRow;
}

/**
 * Takes a request. Its workflow is started first, and everything recorded follows from there, so nothing can be half
 * done; the id is derived from caller and key, so a repeat finds the same request, also long after it ended.
 */
export async function createRequest(context: ApiContext, call: CreateCall): Promise<Created> {
  const lineage = lineageOf(call.caller, call.body, await editorsOf(context, call.body));
  const id = requestId(context.keys.identity, call.caller.principal.identity, call.idempotencyKey);
  const known = await readRequest(context.source.manager, id);
  if (known) {
    refuseOtherIntent(call, known);
    return settled(context, call, { id, outcome: 'repeated', started: null });
  }
  const { action, target } = catalogueEntry(call);
  const stopped = await switchedOff(context, call, lineage);
  if (stopped) return repeatedOrRefused(context, call, { id, stopped });
  context.checker.check(call.caller.policy.digest, action, call.body.arguments as Arguments);
  const start = startOf(call.body);
  if (call.body.break_glass) await refuseNoBreakGlass(context, call, { id, lineage, target });
  const signed = await signedRequest(context, call, { id, lineage, action, start });
  const envelope = await signEnvelope(signed, context.keys.signing);
  const publicUrl = context.settings.publicUrl ?? '';
  const explanation = explain({ signed, action, target, caller: call.caller, publicUrl });
  const isNew = await startWorkflow(context, {
    signed,
    envelope,
    environment: target.environment,
    explanation,
  });
  const started = isNew ? { signed, envelope } : await earlierStart(context, call, id);
  return settled(context, call, { id, outcome: isNew ? 'created' : 'repeated', started });
}

/** Under a kill switch nothing new is taken; a key whose request exists, though unrecorded, still finds it. */
async function repeatedOrRefused(
  context: ApiContext,
  call: CreateCall,
  { id, stopped }: { readonly id: string; readonly stopped: KeyturnError },
): Promise<Created> {
  const started = await readStart(context, id);
  if (!started) throw stopped;
  refuseOtherIntent(call, started.signed);
  return settled(context, call, { id, outcome: 'repeated', started });
}

async function switchedOff(
  context: ApiContext,
  { body, caller }: CreateCall,
  lineage: Lineage,
): Promise<KeyturnError | null> {
  return refusalBySwitch(context, caller, { action: body.action, target: body.target, lineage });
}

type Arguments = Readonly<Record<string, JsonValue>>;

/** The same key may only repeat the same intent, judged in the terms of the first call. */
function refuseOtherIntent(
  { body }: CreateCall,
  first: { schema_version: number; intent_digest: string },
): void {
  const intent = { ...body, arguments: body.arguments as Arguments, schema_version: first.schema_version };
  if (intentDigest(intent) === first.intent_digest) return;
  throw new KeyturnError(
    'idempotency_key_reused',
    'This Idempotency-Key was used for another request: take a new one.',
  );
}

function catalogueEntry({ caller, body }: CreateCall): { action: ActionDefinition; target: Target } {
  const { policy } = caller.policy;
  const action = actionOf(policy, body.action);
  if (!action) throw new KeyturnError('unknown_action', 'The catalogue has no such action.');
  const target = targetOf(policy, body.target);
  if (!target || target.resource_type !== action.resource_type) {
    throw new KeyturnError('unknown_target', 'There is no such target for this action.');
  }
  const mode = action.connector === null ? 'gate' : 'execute';
  if (body.mode !== mode) {
    throw new KeyturnError('mode_unsupported', `This action is asked for with the mode ${mode}.`);
  }
  return { action, target };
}

async function signedRequest(
  context: ApiContext,
  { body, caller }: CreateCall,
  facts: {
    readonly id: string;
    readonly lineage: Lineage;
    readonly action: ActionDefinition;
    readonly start: SignedRequest['start'];
  },
): Promise<SignedRequest> {
  const { id, lineage, action } = facts;
  const values = body.arguments as Arguments;
  const sealed = (part: string, value: JsonValue): Promise<string> =>
    seal({ context: `${id}/${part}`, value, initializationVector: randomBytes(12) }, context.keys.sealing);
  return {
    kind: 'request',
    id,
    action: action.action,
    schema_version: action.schema_version,
    target: body.target,
    mode: body.mode,
    arguments: await sealed('arguments', values),
    claims: body.claims ? await sealed('claims', definedOnly(body.claims)) : null,
    lineage: lineage.map(({ role, issuer, subject }) => ({ role, issuer, subject })),
    intent_digest: intentDigest({ ...body, arguments: values, schema_version: action.schema_version }),
    policy_digest: caller.policy.digest,
    ...(body.break_glass ? { break_glass: true } : {}),
    ...(facts.start ? { start: facts.start } : {}),
    issued_at: new Date().toISOString(),
  };
}

function definedOnly(claims: Readonly<Record<string, JsonValue | undefined>>): JsonValue {
  return Object.fromEntries(
    Object.entries(claims).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
  );
}

/** The workflow existed: an earlier call with this key, or the same one at the same time. */
async function earlierStart(context: ApiContext, call: CreateCall, id: string): Promise<StartedRequest> {
  const started = await readStart(context, id);
  if (!started)
    throw new KeyturnError('unavailable', 'Temporal gave contradicting answers: repeat with the same key.');
  refuseOtherIntent(call, started.signed);
  return started;
}

interface Settling {
  readonly id: string;
  readonly outcome: Created['outcome'];
  readonly started: StartedRequest | null;
}

/** Waits, as long as the caller wants to, for the request to be planned and evaluated. */
async function settled(
  context: ApiContext,
  call: CreateCall,
  { id, outcome, started }: Settling,
): Promise<Created> {
  const { manager } = context.source;
  const planned = await context.feed.waitFor({
    request: id,
    timeoutMs: call.waitMs,
    signal: call.signal,
    check: () => readRequest(manager, id).then((row) => (row?.status === 'planning' ? null : row)),
  });
  const row = planned ?? (await readRequest(manager, id));
  if (row) return { outcome, isRecorded: true, row };
  if (!started)
    throw new KeyturnError('unavailable', 'The request cannot be read now: repeat with the same key.');
  return { outcome, isRecorded: false, row: await unrecordedRow(context, started) };
}
