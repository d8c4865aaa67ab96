import type { EntityManager } from 'typeorm';

import { readInputs, readState } from '../../../database/evidence.ts';
import { readDecisions, readRequest, type DecidedRow } from '../../../database/readers.ts';
import { readIdTokens } from '../../../database/id-tokens.ts';
import { readLeaves, readParts } from '../../../database/request-list.ts';
import type { DecisionRow, RequestRow } from '../../../database/tables.ts';
import { unseal } from '../../../domain/crypto/sealing.ts';
import { idTokenIn } from '../../../domain/proof/decision-proof.ts';
import { idTokenContext } from '../../../domain/proof/id-token.ts';
import { isKeyturnError, KeyturnError } from '../../../domain/errors.ts';
import { readLeaf } from '../../../domain/audit/verification/evidence.ts';
import type { Evidence } from '../../../contract/evidence.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { callerVisibility } from './visibility.ts';
import { unlessUnreadable } from './unreadable.ts';
import { requestView, type Showing } from './view.ts';

/** Everything that it takes to verify a request offline. All of it or nothing: a part alone proves nothing. */
export async function evidenceOf(context: Showing, caller: Caller, decided: DecidedRow): Promise<Evidence> {
  const { visibility } = await callerVisibility(context, caller, decided);
  if (visibility !== 'whole') {
    throw new KeyturnError(
      'forbidden',
      'The evidence holds every plan and error: only reviewers of the request, operators and auditors may read it.',
    );
  }
  return {
    request: await viewUnlessAltered(context, caller, decided),
    // One snapshot: parts that are compared must be of one instant.
    ...(await context.source.transaction('REPEATABLE READ', (manager) =>
      recordOf(context, manager, decided.row),
    )),
    keys: context.keys.published as Evidence['keys'],
  };
}

/** An altered request is not shown as if it were true; the record that proves the change is given all the same. */
async function viewUnlessAltered(
  context: Showing,
  caller: Caller,
  decided: DecidedRow,
): Promise<Evidence['request']> {
  const { id } = decided.row;
  try {
    return await unlessUnreadable(context, id, () => requestView(context, caller, decided));
  } catch (error) {
    if (!isKeyturnError(error) || !ALTERED.has(error.code)) throw error;
    context.log.error({ request: id, code: error.code }, 'a stored request was altered');
    return null;
  }
}

const ALTERED: ReadonlySet<string> = new Set(['plan_altered', 'envelope_invalid']);

async function recordOf(
  { directories, keys }: Pick<ApiContext, 'directories' | 'keys'>,
  manager: EntityManager,
  known: RequestRow,
): Promise<Omit<Evidence, 'request' | 'keys'>> {
  // One that was answered on the spot has no row, and never changes.
  const row = (await readRequest(manager, known.id)) ?? known;
  const leaves = await readLeaves(manager, row.id);
  const payloads = await readParts(manager, row.id);
  const decisions = await readDecisions(manager, row.id);
  // What is no entry is in the evidence all the same: its verification reports it.
  const readable = leaves.flatMap((leaf) => readLeaf(leaf, () => undefined) ?? []);
  const recorded = { row, decisions, leaves: readable };
  return {
    leaves: [...leaves],
    payloads: payloads.map(({ event_id, part, salt, body }) => ({ event_id, part, salt, body })),
    envelopes: [row.envelope, ...decisions.map(({ envelope }) => envelope), ...withdrawalsIn(payloads)],
    read_at: new Date().toISOString(),
    state: await readState(manager, recorded),
    inputs: {
      ...(await readInputs(manager, directories, recorded)),
      id_tokens: await idTokensOf(manager, keys, decisions),
    },
  };
}

/** Opened: who checks the evidence has no key of ours that opens them. */
async function idTokensOf(
  manager: EntityManager,
  { sealing }: ApiContext['keys'],
  decisions: readonly DecisionRow[],
): Promise<NonNullable<NonNullable<Evidence['inputs']>['id_tokens']>> {
  const digests = decisions.flatMap(({ envelope }) => idTokenIn(envelope) ?? []);
  const kept = await readIdTokens(manager, digests);
  const opened = await Promise.all(
    kept.map(async ({ digest, sealed }) => {
      const token = await unseal(sealed, idTokenContext(digest), sealing).catch(() => null);
      return typeof token === 'string' ? [{ digest, token }] : [];
    }),
  );
  return opened.flat();
}

/** Withdrawals have no rows: each stands with the entry that records it. */
function withdrawalsIn(payloads: readonly { readonly part: string; readonly body: string }[]): string[] {
  return payloads.filter(({ part }) => part === 'envelope').map(({ body }) => body.replaceAll('"', ''));
}
