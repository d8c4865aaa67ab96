import type { DecisionRow } from '../../../database/tables.ts';
import { canonicalJson, type JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { openEnvelope } from '../../../domain/crypto/envelope.ts';
import { unseal } from '../../../domain/crypto/sealing.ts';
import { isKeyturnError } from '../../../domain/errors.ts';
import { personById } from '../../../domain/identity/directory.ts';
import type { DecisionView } from '../../../contract/history.ts';
import { isReviewer, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';

type Opening = Pick<ApiContext, 'keys' | 'log'>;

/** A decision among all of its request, as its reader may see it. */
export async function decisionView(
  context: Opening,
  caller: Caller,
  { row, decisions }: { readonly row: DecisionRow; readonly decisions: readonly DecisionRow[] },
): Promise<DecisionView> {
  const reason = await openSealed(context, row.reason, `${row.id}/reason`);
  return {
    id: row.id,
    ...whoDecided(caller, row),
    verdict: row.verdict,
    takes_back: row.takes_back,
    taken_back_by:
      decisions.find(({ outcome, takes_back: id }) => outcome === 'counted' && id === row.id)?.id ?? null,
    at: row.at.toISOString(),
    grade: row.grade,
    channel: row.channel,
    reason: typeof reason === 'string' ? reason : null,
    defer_until: row.defer_until?.toISOString() ?? null,
    outcome: row.outcome,
    refusal: row.refusal,
    view: await viewIn(context, row),
    round: row.round,
  };
}

/** What was shown, by the signature. Null too for a row whose signature is not its own, which `verify` reports. */
async function viewIn({ keys }: Opening, { id, envelope }: DecisionRow): Promise<DecisionView['view']> {
  try {
    const signed = await openEnvelope('decision', envelope, keys.verification);
    return (signed.id === id && signed.view) || null;
  } catch (error) {
    if (isKeyturnError(error)) return null;
    throw error;
  }
}

/** Names are for people: a program learns what was decided, and nobody whom it could turn to, nor to whom others did. */
function whoDecided(
  caller: Caller,
  { person, reviewer_issuer: issuer, reviewer_subject: subject, defer_to }: DecisionRow,
): Pick<DecisionView, 'reviewer' | 'person' | 'person_name' | 'defer_to'> {
  if (!isReviewer(caller)) return { reviewer: null, person: null, defer_to: null };
  const name = person === null ? undefined : personById(caller.directory, person)?.name;
  return {
    reviewer: { issuer, subject },
    person,
    defer_to,
    ...(name === undefined ? {} : { person_name: name }),
  };
}

/** The content of a sealed field. Null when its key is gone, which hides nothing else of the answer. */
export async function openSealed(context: Opening, sealed: string | null, field: string): Promise<JsonValue> {
  if (sealed === null) return null;
  try {
    return await unseal(sealed, field, context.keys.sealing);
  } catch (error) {
    if (!isKeyturnError(error)) throw error;
    context.log.warn({ field, code: error.code }, 'a sealed field cannot be opened');
    return null;
  }
}

/** True when the sealed field holds this value. Without its key it cannot be compared, and is not shown any more. */
export async function holdsSealed(
  { keys }: Pick<ApiContext, 'keys'>,
  sealed: string | null,
  { field, value }: { readonly field: string; readonly value: JsonValue },
): Promise<boolean> {
  if (sealed === null || value === null) return sealed === value;
  const wanted = canonicalJson(value);
  try {
    return canonicalJson(await unseal(sealed, field, keys.sealing)) === wanted;
  } catch (error) {
    if (isKeyturnError(error)) return true;
    throw error;
  }
}
