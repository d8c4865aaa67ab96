import { z } from 'zod';

import { ANSWER_LENGTH_MAX, QUESTION_LENGTH_MAX } from '../domain/approval/questions.ts';
import { actorSchema } from './history.ts';
import { NAMES } from './names.ts';
import { count, instant, text } from './values.ts';

/** Questions of reviewers to those behind a request, and their answers (see requests.ts). */

/** Words that say something. */
function words(lengthMax: number, meaning: string) {
  return z
    .string()
    .max(lengthMax)
    .refine((given) => given.trim() !== '', 'must say something')
    .describe(`${meaning}. At most ${lengthMax.toLocaleString('en')} characters`);
}

/** POST /v1/requests/:id/questions */
export const askBodySchema = z
  .strictObject({
    question: words(
      QUESTION_LENGTH_MAX,
      'What you want to know. Those behind the request read it, programs too, and may not know the plan: quote none of it',
    ),
  })
  .describe('A question to those behind a request')
  .register(NAMES, { id: 'AskBody' });

/** POST /v1/requests/:id/questions/:question/answer */
export const answerBodySchema = z
  .strictObject({ answer: words(ANSWER_LENGTH_MAX, 'For reviewers, as your own words') })
  .describe('An answer to a question')
  .register(NAMES, { id: 'AnswerBody' });

const ERASED = 'Null: it was erased, or its key is gone';

const answerSchema = z
  .object({
    text: z.string().nullable().describe(`The words of who answered, which nobody has verified. ${ERASED}`),
    at: instant('When it was given'),
    by: actorSchema,
  })
  .describe('The answer of somebody behind the request')
  .register(NAMES, { id: 'QuestionAnswer' });

export const questionSchema = z
  .object({
    id: text('Id of the question: `qst_` and 26 characters'),
    text: z.string().nullable().describe(`The words of who asked. ${ERASED}`),
    round: count('Round of the request in which it was asked'),
    at: instant('When it was asked'),
    by: actorSchema,
    answer: answerSchema.nullable().describe('Null: nobody has answered yet'),
  })
  .describe('A question of somebody who reviews the request')
  .register(NAMES, { id: 'Question' });

export type QuestionView = z.infer<typeof questionSchema>;
