import { Controller, Get, Module, Param } from '@nestjs/common';

import type { CardAnswer } from '../../../contract/cards.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { cardFor } from '../requests/card.ts';
import { loadRequest } from '../requests/load.ts';
import { refusalsFor } from './refusals.ts';

@Door('people')
@Controller('v1')
export class CardsController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get('requests/:id/card')
  async card(@CallerParam() caller: Caller, @Param('id') id: string): Promise<CardAnswer> {
    const found = await loadRequest(this.#context, caller, id);
    const [card, refusals] = await Promise.all([
      cardFor(this.#context, caller, found),
      refusalsFor(this.#context, caller, found),
    ]);
    return { ...card, ...refusals };
  }
}

@Module({ controllers: [CardsController] })
export class CardsModule {}
