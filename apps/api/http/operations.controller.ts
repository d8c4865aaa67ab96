import { Controller, Get, Header, Res } from '@nestjs/common';
import type { Response } from 'express';

import { refuseWrongClock } from '../../../database/clock.ts';
import { isKeyturnError } from '../../../domain/errors.ts';
import { Public } from '../auth/guard.ts';
import { ApiContext } from '../context.ts';
import { openApiDocument } from '../openapi/document.ts';
import { documentPage } from '../openapi/page.ts';

const CHECK_MS = 2_000;

/** What machines and operators ask without a token: health, measurements, keys, documents. */
@Controller()
@Public()
export class OperationsController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** The process lives. Asks nobody else: a restart of this process would not bring back a database. */
  @Get('healthz')
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('readyz')
  async ready(@Res({ passthrough: true }) response: Response) {
    const [database, temporal] = await Promise.all([
      this.#check(async () => {
        await refuseWrongClock(this.#context.source);
        return this.#context.policies.active(this.#context.source.manager);
      }),
      this.#check(() =>
        this.#context.temporal.withDeadline(Date.now() + CHECK_MS, () =>
          this.#context.temporal.connection.workflowService.getSystemInfo({}),
        ),
      ),
    ]);
    const isReady = database === 'ok' && temporal === 'ok';
    response.status(isReady ? 200 : 503);
    return { status: isReady ? 'ok' : 'unavailable', checks: { database, temporal } };
  }

  @Get('metrics')
  async metrics(@Res() response: Response): Promise<void> {
    const { registry } = this.#context.metrics;
    response.type(registry.contentType).send(await registry.metrics());
  }

  @Get('v1/keys')
  keys() {
    return this.#context.keys.published;
  }

  @Get('openapi.json')
  document() {
    return openApiDocument();
  }

  @Get('docs')
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(): string {
    return documentPage(openApiDocument());
  }

  async #check(question: () => Promise<unknown>): Promise<'ok' | 'unreachable'> {
    try {
      await question();
      return 'ok';
    } catch (error) {
      // Not that a database is away, which probes see: that its policy cannot be used, which nothing else says.
      if (isKeyturnError(error)) this.#context.log.error({ code: error.code }, error.message);
      return 'unreachable';
    }
  }
}
