import { randomBytes } from 'node:crypto';

import type { EntityManager } from 'typeorm';

import {
  lockForQuestion,
  readQuestions,
  recordQuestion,
  type QuestionEntry,
} from '../../../database/questions.ts';
import { notifyChange } from '../../../database/changes.ts';
import { readRequest } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { QuestionRefusal } from '../../../domain/approval/questions.ts';
import type { LeafDraft } from '../../../domain/audit/leaf.ts';
import { seal } from '../../../domain/crypto/sealing.ts';
import { personPseudonym, pseudonymOf } from '../../../domain/identity/ids.ts';
import { isPersonHere, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { nextOfRequest, type RequestLog } from '../entries.ts';
import { notFound } from '../requests/load.ts';
import { QUESTION_PARTS, questionOf } from '../requests/question-view.ts';

/** What it takes to put a question or an answer on record. */
type Recording = Pick<ApiContext, 'source' | 'keys' | 'log'>;

/** A question or an answer that somebody gives. */
interface Words {
  readonly caller: Caller;
  /** Id of the request. */
  readonly id: string;
  /** Id of the question. */
  readonly question: string;
  readonly kind: keyof typeof QUESTION_PARTS;
  readonly text: string;
}

/** The request and what was asked about it, while nothing else can be added to its log. */
export interface Held {
  readonly row: RequestRow;
  readonly entries: readonly QuestionEntry[];
}

/**
 * Puts words on record, sealed, unless `before` finds that they are already: with the log of the request held, so that what
 * it looks at stays true. The same lock holds up the steps of the workflow, for as long as two statements take.
 */
export async function appendWords(
  context: Recording,
  words: Words,
  before: (held: Held) => Promise<boolean> | boolean,
): Promise<void> {
  const { id, kind, question, text } = words;
  const part = QUESTION_PARTS[kind];
  const sealing = {
    context: `${question}/${part}`,
    value: text.trim(),
    initializationVector: randomBytes(12),
  };
  const sealed = await seal(sealing, context.keys.sealing);
  const work = async (manager: EntityManager): Promise<boolean> => {
    const log = await lockForQuestion(manager, id);
    const row = log && (await readRequest(manager, id));
    if (!log || !row) throw notFound();
    if (await before({ row, entries: await readQuestions(manager, row) })) return false;
    await record({ context, manager }, { ...words, sealed, row, log: { ...log, request: id } });
    return true;
  };
  if (await context.source.transaction(work)) announce(context, id);
}

interface SealedWords extends Words {
  readonly sealed: string;
  readonly row: RequestRow;
  readonly log: RequestLog;
}

async function record(
  { context: { keys }, manager }: { readonly context: Recording; readonly manager: EntityManager },
  words: SealedWords,
): Promise<void> {
  const { principal, person } = words.caller;
  const { issuer, subject } = principal.identity;
  const names = {
    account: pseudonymOf(keys.identity, principal.identity),
    person: person && personPseudonym(keys.identity, person.id),
  };
  const entry = nextOfRequest(words.log, 'question', draftOf(words, names));
  const [part = { salt: '', body: '' }] = entry.parts;
  await recordQuestion(manager, {
    leaf: entry.text,
    words: { salt: part.salt, body: part.body },
    subjects: {
      [names.account]: { issuer, subject },
      ...(person && names.person && { [names.person]: { person: person.id } }),
    },
  });
}

function draftOf(
  { caller, kind, question, sealed, row }: SealedWords,
  { account, person }: { readonly account: string; readonly person: string | null },
): Omit<LeafDraft, 'at'> {
  return {
    type: `question.${kind}`,
    actor: {
      pseudonym: account,
      kind: isPersonHere(caller) ? 'person' : 'agent',
      via: caller.principal.channel,
    },
    intent_digest: row.intent_digest,
    decision_digest: row.decision_digest,
    policy_digest: null,
    facts: { question, person, round: row.round },
    evidence: null,
    parts: { [QUESTION_PARTS[kind]]: sealed },
  };
}

/** After the commit, and nobody waits for it: listeners look by themselves as well. */
function announce({ source, log }: Recording, request: string): void {
  notifyChange(source.manager, request).catch((error: unknown) => {
    const name = error instanceof Error ? error.name : 'unknown';
    log.warn({ request, err: name }, 'change not announced');
  });
}

/** Throws a refusal, where there is one. */
export function refuse(refusal: QuestionRefusal | null): void {
  if (refusal) throw new KeyturnError(refusal.code, refusal.message);
}

/** The entry of a question among those of its request, or of its answer. */
export function entryOf(
  entries: readonly QuestionEntry[],
  kind: Words['kind'],
  question: string,
): QuestionEntry | undefined {
  return entries.find((entry) => entry.leaf.type === `question.${kind}` && questionOf(entry) === question);
}
