import type { RequestRow } from '../../../database/tables.ts';
import { answerRefusal } from '../../../domain/approval/questions.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { askersOf } from '../../../domain/execution/requester.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { holdsSealed } from '../requests/decision-view.ts';
import { isOwn, loadRequest } from '../requests/load.ts';
import { appendWords, entryOf, refuse, type Held } from './append.ts';

/** A call to answer a question. */
export interface AnswerCall {
  readonly caller: Caller;
  readonly id: string;
  readonly question: string;
  readonly text: string;
}

/** Answers a question. The same words again change nothing; other words are refused, also of who gave the first. */
export async function answer(context: ApiContext, call: AnswerCall): Promise<void> {
  const { caller, id, question } = call;
  const found = await loadRequest(context, caller, id);
  await refuseStranger(context, caller, found.row);
  if (await isAnswered(context, found.questions ?? [], call)) return;
  await refuseAnswering(context, caller, found.row);
  refuseUnknown(found.questions ?? [], question);
  await appendWords(context, { caller, id, question, kind: 'answered', text: call.text }, async (held) => {
    if (await isAnswered(context, held.entries, call)) return true;
    refuse(answerRefusal(held.row.status));
    refuseUnknown(held.entries, question);
    return false;
  });
}

/** Refuses a caller who may not answer questions about a request now. */
export async function refuseAnswering(
  context: Pick<ApiContext, 'source' | 'directories'>,
  caller: Caller,
  row: RequestRow,
): Promise<void> {
  await refuseStranger(context, caller, row);
  const { agent, person } = caller;
  if (agent?.active === false || person?.active === false)
    throw new KeyturnError(
      'requester_inactive',
      'This account is deactivated: somebody else behind the request can answer.',
    );
  refuse(answerRefusal(row.status));
}

async function refuseStranger(
  context: Pick<ApiContext, 'source' | 'directories'>,
  caller: Caller,
  row: RequestRow,
): Promise<void> {
  if (await isOwn(context, caller, { row: { ...row, lineage: askersOf(row) } })) return;
  throw new KeyturnError('forbidden', 'Only those behind a request answer questions about it.');
}

function refuseUnknown(entries: Held['entries'], question: string): void {
  if (entryOf(entries, 'asked', question)) return;
  throw new KeyturnError('not_found', 'There is no such question about this request.');
}

/** True for a repeated call. Refuses (`already_answered`) other words than the first. */
async function isAnswered(
  context: Pick<ApiContext, 'keys'>,
  entries: Held['entries'],
  { question, text }: AnswerCall,
): Promise<boolean> {
  const known = entryOf(entries, 'answered', question);
  if (!known) return false;
  const wanted = { field: `${question}/answer`, value: text.trim() };
  if (known.sealed !== null && (await holdsSealed(context, known.sealed, wanted))) return true;
  throw new KeyturnError(
    'already_answered',
    'Somebody behind the request has answered this question already: the first answer stands.',
  );
}
