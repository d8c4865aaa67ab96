import { Controller, Get, Req } from '@nestjs/common';
import type { Request } from 'express';

import type { ProtectedResource } from '../../../domain/wire-sign-in.ts';
import { ApiContext } from '../context.ts';
import { Public } from './guard.ts';
import { METADATA_PATH, protectedResource, resourceOf } from './protected-resource.ts';

/** Tells those who have no token yet how to get one. */
@Controller()
@Public()
export class ProtectedResourceController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get(METADATA_PATH)
  describe(@Req() request: Request): ProtectedResource {
    const { settings, tokens } = this.#context;
    return protectedResource(resourceOf(settings, request), tokens.issuers());
  }
}
