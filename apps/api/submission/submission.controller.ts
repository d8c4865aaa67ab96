import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { Request } from 'express';

import { identityKey } from '../../../domain/identity/identity.ts';
import { evaluateBodySchema, type EvaluationAnswer } from '../../../contract/evaluate.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { parseBody } from '../http/parse-body.ts';
import { dryRun } from './dry-run.ts';

@Controller('v1/evaluate')
export class EvaluateController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Post()
  @HttpCode(200)
  async evaluate(@CallerParam() caller: Caller, @Req() request: Request): Promise<EvaluationAnswer> {
    this.#context.evaluations.admit(identityKey(caller.principal.identity));
    return dryRun(this.#context, { caller, body: parseBody(evaluateBodySchema, request.body) });
  }
}
