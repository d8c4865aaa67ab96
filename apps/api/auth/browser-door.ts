import { Injectable } from '@nestjs/common';

import { ApiContext } from '../context.ts';
import type { AuthenticatedRequest } from './caller.ts';

/** Lets everybody to the pages. Nobody is known yet: calls are counted by address, before anything of a body is read. */
@Injectable()
export class BrowserDoor {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  admit(request: AuthenticatedRequest): void {
    request.payer = `address:${request.ip ?? ''}`;
    this.#context.limits.calls.admit(request.payer);
  }
}
