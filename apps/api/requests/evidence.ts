import { readDecisions } from '../../../database/readers.ts';
import { readLeaves, readParts } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { Evidence } from '../../../domain/wire.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { sightOf } from './sight.ts';
import { requestView } from './view.ts';

/** Everything that checks a request offline. All of it or nothing: a part alone proves nothing. */
export async function evidenceOf(context: ApiContext, caller: Caller, row: RequestRow): Promise<Evidence> {
  const { visibility } = await sightOf(context, caller, { row });
  if (visibility !== 'whole') {
    throw new KeyturnError(
      'forbidden',
      'The evidence holds every plan and error: it is for those who are asked to decide, who decided, and operators.',
    );
  }
  const { manager } = context.source;
  const [request, leaves, payloads, decisions] = await Promise.all([
    requestView(context, caller, row),
    readLeaves(manager, row.id),
    readParts(manager, row.id),
    readDecisions(manager, row.id),
  ]);
  return {
    request,
    leaves: leaves.map(({ leaf }) => leaf),
    payloads: payloads.map(({ event_id, part, salt, body }) => ({ event_id, part, salt, body })),
    envelopes: [row.envelope, ...decisions.map(({ envelope }) => envelope)],
    keys: context.keys.published as Evidence['keys'],
  };
}
