import type { DecidedRow } from '../../../database/readers.ts';
import { questionRefusal, limitRefusal } from '../../../domain/approval/questions.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { personPseudonym } from '../../../domain/identity/ids.ts';
import type { Person } from '../../../domain/identity/directory.ts';
import { reviewerOf, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { callId, keyReused } from '../http/idempotency.ts';
import { holdsSealed } from '../requests/decision-view.ts';
import { loadRequest } from '../requests/load.ts';
import { callerVisibility } from '../requests/visibility.ts';
import { appendWords, entryOf, refuse, type Held } from './append.ts';

/** A call to ask those behind a request. */
export interface AskCall {
  readonly caller: Caller;
  readonly id: string;
  readonly text: string;
  readonly idempotencyKey: string | null;
}

/** Asks, and answers the id of the question. The same call again with the same key answers that of the first. */
export async function ask(context: ApiContext, call: AskCall): Promise<string> {
  const { caller, id, text, idempotencyKey } = call;
  const by = caller.principal.identity;
  const question = callId('qst', context.keys.identity, { by, about: id, idempotencyKey });
  const found = await loadRequest(context, caller, id);
  if (await isRepeated(context, found.questions ?? [], { question, text })) return question;
  const person = await asker(context, caller, found);
  await appendWords(context, { caller, id, question, kind: 'asked', text }, async ({ row, entries }) => {
    if (await isRepeated(context, entries, { question, text })) return true;
    refuseNow(context, { row, entries }, person);
    return false;
  });
  return question;
}

/** The person who asks. Refuses programs, those behind the request, and who may not see the whole of it. */
export async function asker(
  context: Pick<ApiContext, 'source' | 'directories' | 'keys'>,
  caller: Caller,
  found: DecidedRow,
): Promise<Person> {
  const person = reviewerOf(caller);
  const { visibility, isOwn } = await callerVisibility(context, caller, found);
  if (isOwn)
    throw new KeyturnError(
      'forbidden',
      'You are behind this request: you answer questions about it, and ask none.',
    );
  if (visibility !== 'whole')
    throw new KeyturnError(
      'forbidden',
      'Questions are for those who may see the whole request: its reviewers, operators and auditors.',
    );
  refuseNow(context, { row: found.row, entries: found.questions ?? [] }, person);
  return person;
}

/** Refuses a question that comes at another time than people are asked, or is one too many. */
function refuseNow({ keys }: Pick<ApiContext, 'keys'>, { row, entries }: Held, person: Person): void {
  const asked = entries.filter(({ leaf }) => leaf.type === 'question.asked');
  refuse(questionRefusal(row));
  refuse(
    limitRefusal(
      asked.map(({ leaf }) => leaf.facts['person']),
      personPseudonym(keys.identity, person.id),
    ),
  );
}

/** True for a repeated call. Refuses (`idempotency_key_reused`) one with other words. */
async function isRepeated(
  context: Pick<ApiContext, 'keys'>,
  entries: Held['entries'],
  { question, text }: { readonly question: string; readonly text: string },
): Promise<boolean> {
  const known = entryOf(entries, 'asked', question);
  if (!known) return false;
  const wanted = { field: `${question}/question`, value: text.trim() };
  if (await holdsSealed(context, known.sealed, wanted)) return true;
  throw keyReused();
}
