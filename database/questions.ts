import type { EntityManager } from 'typeorm';

import { commitment, type Leaf } from '../domain/audit/leaf.ts';
import { rows, valueOf } from './rows.ts';

/** The log of a request, held by a lock: what its next entry follows from. */
export interface LockedLog {
  readonly run: string;
  /** The newest entry of the request; null for none. */
  readonly last: string | null;
  /** The database's clock. */
  readonly now: string;
}

/** A question or an answer: its entry, and the sealed text, null where that was erased or is not what the entry committed to. */
export interface QuestionEntry {
  readonly leaf: Leaf;
  readonly sealed: string | null;
}

/** As a query gives it. */
export interface QuestionRow {
  readonly leaf: string;
  readonly salt: string | null;
  readonly body: string | null;
}

/** The questions and answers of a request and its run, oldest first. */
export function selectQuestions(request: string, run: string): string {
  return `select entry.leaf, payload.salt, payload.body from audit.entry
    left join audit.payload on payload.event_id = entry.event_id
      and payload.part = case entry.type when 'question.asked' then 'question' else 'answer' end
    where entry.request = ${request} and entry.run_id = ${run}
      and entry.type in ('question.asked', 'question.answered') order by entry.n`;
}

/** The questions and answers of a request, oldest first. */
export async function readQuestions(
  manager: EntityManager,
  { id, run_id: run }: { readonly id: string; readonly run_id: string },
): Promise<readonly QuestionEntry[]> {
  return (await rows<QuestionRow>(manager, selectQuestions('$1', '$2'), [id, run])).map(questionEntry);
}

/** A row as an entry with its text. */
export function questionEntry({ leaf: text, salt, body }: QuestionRow): QuestionEntry {
  const leaf = JSON.parse(text) as Leaf;
  const committed = leaf.commit[leaf.type === 'question.asked' ? 'question' : 'answer'];
  const isWhole = salt !== null && body !== null && commitment(salt, body) === committed;
  return { leaf, sealed: isWhole ? (JSON.parse(body) as string) : null };
}

/** Holds the log of a request until the transaction ends; null where there is no such request. */
export async function lockForQuestion(manager: EntityManager, request: string): Promise<LockedLog | null> {
  return valueOf(manager, 'select keyturn.lock_for_question($1)', [request]);
}

/** Appends a question or an answer, in the same transaction, with its sealed text and the names behind its pseudonyms. */
export async function recordQuestion(
  manager: EntityManager,
  {
    leaf,
    words,
    subjects,
  }: {
    readonly leaf: string;
    readonly words: { readonly salt: string; readonly body: string };
    readonly subjects: Readonly<Record<string, object>>;
  },
): Promise<void> {
  const values = [leaf, JSON.stringify(words), JSON.stringify(subjects)];
  await manager.query('select keyturn.record_question($1, $2, $3)', values);
}
