import { REPEATABLE, REPEATED, REVIEWER_ERRORS, type Operation } from './operation.ts';
import { answerBodySchema, askBodySchema, questionSchema } from './questions.ts';

/** Questions to those behind a request, and their answers: part of `OPERATIONS`. */
export const QUESTION_OPERATIONS = {
  askQuestion: {
    tag: 'Requests',
    method: 'post',
    path: '/v1/requests/{id}/questions',
    summary: 'Ask those behind a request. The clock goes on. For people who may see the whole request',
    readers: 'request',
    headers: [REPEATABLE],
    body: askBodySchema,
    answers: [{ status: 201, description: 'The question is recorded.', schema: questionSchema }],
    errors: [
      ...REPEATED,
      ...REVIEWER_ERRORS,
      'forbidden',
      'request_not_pending',
      'request_finished',
      'too_many_questions',
    ],
  },
  answerQuestion: {
    tag: 'Requests',
    method: 'post',
    path: '/v1/requests/{id}/questions/{question}/answer',
    summary: 'Answer a question about a request that you are behind. The first answer stands',
    readers: 'request',
    body: answerBodySchema,
    answers: [{ status: 200, description: 'The answered question.', schema: questionSchema }],
    errors: ['forbidden', 'requester_inactive', 'request_executing', 'request_finished', 'already_answered'],
  },
} as const satisfies Readonly<Record<string, Operation>>;
