import { canonicalJson, type JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { intentDigest } from '../../../domain/request/digests.ts';
import { openEnvelope } from '../../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { GateResult } from '../../../domain/execution/gate-validity.ts';
import type { KillSwitch } from '../../../domain/execution/kill-switch.ts';
import { isLineageActive, type Directory } from '../../../domain/identity/directory.ts';
import {
  identityKey,
  isSameIdentity,
  type Lineage,
  type LineageRole,
} from '../../../domain/identity/identity.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { ApiContext } from '../context.ts';
import { keyReused } from '../http/idempotency.ts';
import { holdsSealed } from '../requests/decision-view.ts';
import { refusalOf } from '../switches/refusal.ts';
import { windowOf } from './start-window.ts';
import type { CreateCall, CreateSubmission } from './submission.ts';

/** The same key may only repeat the same intent, compared under the schema version of the first call. */
export function refuseOtherIntent(
  { body }: Pick<CreateCall, 'body'>,
  first: { readonly schema_version: number; readonly intent_digest: string },
): void {
  const values = body.arguments as Readonly<Record<string, JsonValue>>;
  const intent = { ...body, arguments: values, schema_version: first.schema_version };
  if (intentDigest(intent) === first.intent_digest) return;
  throw keyReused();
}

/**
 * The same key may only repeat the same call: everything that the caller says and that was signed is compared, including
 * whom it is for. An answer to one person's request is no answer to another's.
 */
export async function refuseOtherCall(
  context: Pick<ApiContext, 'keys'>,
  submission: CreateSubmission,
  envelope: string,
): Promise<void> {
  const { body } = submission;
  const claims = (body.claims ?? null) as JsonValue;
  const first = await openEnvelope('request', envelope, context.keys.verification);
  refuseOtherIntent(submission, first);
  const isSame =
    namesSamePeople(submission, first.lineage) &&
    (body.break_glass ?? false) === (first.break_glass ?? false) &&
    canonicalJson(windowOf(body) ?? null) === canonicalJson(first.start ?? null) &&
    (await holdsSealed(context, first.claims, { field: `${first.id}/claims`, value: claims }));
  if (!isSame) throw keyReused();
}

/**
 * True when the caller names the same people as then. Only what the caller says is compared: owners, editors and the agents
 * whose clients hold the token come from the directory and from records, so some may have become known since. Who vouches
 * for a name is not part of the call.
 */
function namesSamePeople({ caller, lineage }: CreateSubmission, first: Lineage): boolean {
  const { identity, behind } = caller.principal;
  // The caller is the requester, whatever else the token says about the caller.
  const others = behind.filter((member) => !isSameIdentity(member, identity));
  const actedFor = namedAs('on_behalf_of', lineage);
  const triggers = namedAs('trigger', first);
  const actedForThen = namedAs('on_behalf_of', first);
  return (
    isWithin(actedFor, actedForThen) &&
    isWithin(actedForThen, actedFor) &&
    isWithin(namedAs('trigger', others), triggers) &&
    isWithin(triggers, namedAs('trigger', lineage))
  );
}

function isWithin(names: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...names].every((name) => others.has(name));
}

function namedAs(role: LineageRole, lineage: Lineage): ReadonlySet<string> {
  return new Set(lineage.filter((member) => member.role === role).map(identityKey));
}

/**
 * Refuses to repeat an answer that may no longer be relied upon, whether policy gave it on the spot or people did: because of
 * a kill switch, a deactivated identity behind it, or its end.
 */
export function refuseUnusable(directory: Directory, switches: readonly KillSwitch[], row: RequestRow): void {
  // An earlier answer must not let anything pass while the switch is engaged.
  const stopped = refusalOf(switches, { ...row, agents: directory.agents });
  if (stopped) throw stopped;
  if (!isLineageActive(directory, row.lineage)) {
    throw new KeyturnError('requester_inactive', 'An identity behind this request is deactivated.');
  }
  const { valid_until: end = '' } = (row.result ?? {}) as Partial<GateResult>;
  if (!(Date.parse(end) > Date.now())) {
    throw new KeyturnError(
      'gate_answer_expired',
      'This answer has expired. Send the request again with a new Idempotency-Key.',
    );
  }
}
