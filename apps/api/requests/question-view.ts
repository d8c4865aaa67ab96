import type { QuestionEntry } from '../../../database/questions.ts';
import { readSubjects } from '../../../database/request-list.ts';
import { seesPlan, type Visibility } from '../../../domain/policy/visibility.ts';
import type { Actor } from '../../../contract/history.ts';
import type { QuestionView } from '../../../contract/questions.ts';
import { isReviewer, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { namedActor, type Subjects } from './actor.ts';
import { openSealed } from './decision-view.ts';

/** The parts of entries that hold a sealed text: of a question, and of its answer. */
export const QUESTION_PARTS = { asked: 'question', answered: 'answer' } as const;

type Viewing = Pick<ApiContext, 'source' | 'keys' | 'log'>;

/** What a reader of the questions may see of a request. */
interface QuestionReader {
  readonly caller: Caller;
  readonly visibility: Visibility;
}

/** The questions of a request with their answers. For its reviewers and those behind it: nobody else may call this. */
export async function questionViews(
  context: Viewing,
  reader: QuestionReader,
  entries: readonly QuestionEntry[],
): Promise<readonly QuestionView[]> {
  if (entries.length === 0) return [];
  const pseudonyms = entries.map(({ leaf }) => leaf.actor.pseudonym);
  const subjects = await readSubjects(context.source.manager, pseudonyms);
  return Promise.all(
    entries
      .filter(({ leaf }) => leaf.type === 'question.asked')
      .map((asked) => questionView(context, { ...reader, subjects }, { asked, entries })),
  );
}

async function questionView(
  context: Viewing,
  { caller, visibility, subjects }: QuestionReader & { readonly subjects: Subjects },
  { asked, entries }: { readonly asked: QuestionEntry; readonly entries: readonly QuestionEntry[] },
): Promise<QuestionView> {
  const { leaf } = asked;
  const id = questionOf(asked);
  const answered = entries.find(
    (other) => other.leaf.type === 'question.answered' && questionOf(other) === id,
  );
  const actor = (entry: QuestionEntry, isNamed: boolean): Actor => ({
    kind: entry.leaf.actor.kind,
    ...(isNamed && namedActor(entry.leaf, caller.directory, subjects)),
  });
  // As in the timeline: a program learns no names of people, and those behind a request who reviews it once that is approved.
  const isNamed = isReviewer(caller) && seesPlan(visibility);
  return {
    id,
    text: await textOf(context, asked, `${id}/${QUESTION_PARTS.asked}`),
    round: Number(leaf.facts['round']),
    at: leaf.at,
    by: actor(asked, isNamed),
    answer: answered
      ? {
          text: await textOf(context, answered, `${id}/${QUESTION_PARTS.answered}`),
          at: answered.leaf.at,
          by: actor(answered, answered.leaf.facts['person'] === null || isReviewer(caller)),
        }
      : null,
  };
}

/** The id of the question that an entry is about. */
export function questionOf({ leaf: { facts } }: QuestionEntry): string {
  const { question } = facts;
  return typeof question === 'string' ? question : '';
}

async function textOf(context: Viewing, { sealed }: QuestionEntry, field: string): Promise<string | null> {
  const text = await openSealed(context, sealed, field);
  return typeof text === 'string' ? text : null;
}
