import type { QuestionView } from '../../../contract/questions.ts';
import { nameText } from './names.ts';
import { CELL } from './table.ts';
import { instant } from './times.ts';
import { toned } from './tone.ts';
import { visible, visibleLines } from '../../../domain/cards/visible.ts';

/** What was asked about a request, each with its answer below it, as the words of who gave it. */
export function questionAndAnswerLines(questions: readonly QuestionView[], now: number): string[] {
  if (questions.length === 0) return [];
  const lines = questions.flatMap((question) => [
    ...questionLines(question, instant(question.at, now)),
    ...(question.answer === null ? [] : answerLines(question.answer, instant(question.answer.at, now))),
  ]);
  return [
    '',
    toned('heading', "Questions (an answer is its author's word: nobody has verified it)"),
    ...lines,
  ];
}

/** What somebody who watches has not read yet. Adds it to what is known. */
export function newsOf(questions: readonly QuestionView[], known: Set<string>): string[] {
  return questions.flatMap((question) => {
    const lines = [
      ...(known.has(question.id) ? [] : questionLines(question, null)),
      ...(question.answer === null || known.has(answerOf(question))
        ? []
        : answerLines(question.answer, null)),
    ];
    known.add(question.id);
    if (question.answer !== null) known.add(answerOf(question));
    return lines;
  });
}

function answerOf({ id }: QuestionView): string {
  return `${id}/answer`;
}

function questionLines({ id, text, by, answer }: QuestionView, at: string | null): string[] {
  const open = answer === null ? `, ${toned('warning', 'not answered')}` : '';
  return [
    `  ${visible(id)}${CELL}${whoText(by)} asked${at === null ? '' : `, ${at}`}${open}`,
    ...wordLines(text, '  | '),
  ];
}

function answerLines({ text, by }: NonNullable<QuestionView['answer']>, at: string | null): string[] {
  return [`  ${whoText(by)} answered${at === null ? '' : `, ${at}`}`, ...wordLines(text, '  > ')];
}

function wordLines(text: string | null, sign: string): string[] {
  return text === null ? ['  (erased, or its key is gone)'] : visibleLines(text, sign);
}

function whoText({ kind, name, id }: QuestionView['by']): string {
  if (name === undefined) return kind === 'agent' ? 'an agent' : 'a person';
  const who = nameText({ id: id ?? name, name: id === undefined ? undefined : name });
  // Also where it has the account of a person.
  return kind === 'agent' ? `${who}, a program,` : who;
}
