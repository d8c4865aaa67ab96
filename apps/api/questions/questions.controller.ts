import { Body, Controller, HttpCode, Module, Param, Post } from '@nestjs/common';

import type { BodyOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import type { QuestionView } from '../../../contract/questions.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { OptionalIdempotencyKey } from '../http/idempotency.ts';
import { BodyPipe } from '../http/pipes.ts';
import { loadRequest, notFound } from '../requests/load.ts';
import { questionViews } from '../requests/question-view.ts';
import { callerVisibility } from '../requests/visibility.ts';
import { answer } from './answer.ts';
import { ask } from './ask.ts';

const { askQuestion: ASK, answerQuestion: ANSWER } = OPERATIONS;

@Door('people')
@Controller('v1/requests/:id/questions')
export class QuestionsController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Post()
  async ask(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body(new BodyPipe(ASK)) { question: text }: BodyOf<typeof ASK>,
    @OptionalIdempotencyKey() idempotencyKey: string | null,
  ): Promise<QuestionView> {
    const question = await ask(this.#context, { caller, id, text, idempotencyKey });
    return this.#shown(caller, id, question);
  }

  @Post(':question/answer')
  @HttpCode(200)
  async answer(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Param('question') question: string,
    @Body(new BodyPipe(ANSWER)) { answer: text }: BodyOf<typeof ANSWER>,
  ): Promise<QuestionView> {
    await answer(this.#context, { caller, id, question, text });
    return this.#shown(caller, id, question);
  }

  /** By what the caller may see now: a repeated call may come when that is less. */
  async #shown(caller: Caller, id: string, question: string): Promise<QuestionView> {
    const found = await loadRequest(this.#context, caller, id);
    const { visibility, isOwn } = await callerVisibility(this.#context, caller, found);
    if (visibility !== 'whole' && !isOwn) throw notFound();
    const views = await questionViews(this.#context, { caller, visibility }, found.questions ?? []);
    const view = views.find((one) => one.id === question);
    if (!view) throw notFound();
    return view;
  }
}

@Module({ controllers: [QuestionsController] })
export class QuestionsModule {}
