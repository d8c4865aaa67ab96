import { Controller, Get, Header, Module, Res } from '@nestjs/common';
import type { Response } from 'express';

import type { ProtectedResource } from '../../../contract/sign-in.ts';
import { Door } from '../http/door.ts';
import { METADATA_PATH, protectedResource } from '../auth/protected-resource.ts';
import { TokenVerifier } from '../auth/token-verifier.ts';
import { ApiContext } from '../context.ts';
import { isReady, Readiness } from '../../readiness.ts';
import { HealthController } from './health.controller.ts';
import { openApiDocument } from '../openapi/document.ts';
import { documentPage } from '../openapi/page.ts';

/** What machines and operators read without a token: health, keys, documents. Each costs next to nothing. */
@Controller()
@Door('none')
export class OperationsController {
  readonly #context: ApiContext;
  readonly #tokens: TokenVerifier;
  readonly #readiness: Readiness;
  readonly #document = JSON.stringify(openApiDocument());
  readonly #page = documentPage(openApiDocument());

  constructor(context: ApiContext, tokens: TokenVerifier) {
    this.#context = context;
    this.#tokens = tokens;
    this.#readiness = new Readiness(context);
  }

  /** The process lives. Checks nothing else: restarting this process would not bring back a database. */
  @Get('healthz')
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('readyz')
  async ready(@Res({ passthrough: true }) response: Response) {
    if (this.#context.draining.isBegun) {
      response.status(503);
      return { status: 'draining' };
    }
    const checks = await this.#readiness.checks();
    const canWork = isReady(checks);
    response.status(canWork ? 200 : 503);
    return { status: canWork ? 'ok' : 'unavailable', checks };
  }

  /** How callers without a token get one. */
  @Get(METADATA_PATH)
  resource(): ProtectedResource {
    return protectedResource(this.#context.settings.publicUrl, this.#tokens.issuers());
  }

  @Get('v1/keys')
  keys() {
    return this.#context.keys.published;
  }

  @Get('openapi.json')
  @Header('Content-Type', 'application/json; charset=utf-8')
  document(): string {
    return this.#document;
  }

  @Get('docs')
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(): string {
    return this.#page;
  }
}

@Module({ controllers: [OperationsController, HealthController] })
export class OperationsModule {}
