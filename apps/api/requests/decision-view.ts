import type { DecisionRow } from '../../../database/tables.ts';
import { canonicalJson, type JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { unseal } from '../../../domain/crypto/sealing.ts';
import { isKeyturnError } from '../../../domain/errors.ts';
import { personById, type Directory } from '../../../domain/identity/directory.ts';
import type { DecisionView } from '../../../contract/history.ts';
import type { ApiContext } from '../context.ts';

type Opening = Pick<ApiContext, 'keys' | 'log'>;

/** A decision as reviewers see it. */
export async function decisionView(
  context: Opening,
  directory: Directory,
  row: DecisionRow,
): Promise<DecisionView> {
  const name = row.person === null ? undefined : personById(directory, row.person)?.name;
  const reason = await openSealed(context, row.reason, `${row.id}/reason`);
  return {
    id: row.id,
    reviewer: { issuer: row.reviewer_issuer, subject: row.reviewer_subject },
    person: row.person,
    ...(name === undefined ? {} : { person_name: name }),
    verdict: row.verdict,
    at: row.at.toISOString(),
    grade: row.grade,
    channel: row.channel,
    reason: typeof reason === 'string' ? reason : null,
    defer_until: row.defer_until?.toISOString() ?? null,
    defer_to: row.defer_to,
    outcome: row.outcome,
    refusal: row.refusal,
    round: row.round,
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
