import { Controller, Get, Header, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';

import { refuseWrongClock } from '../../../database/clock.ts';
import { isKeyturnError } from '../../../domain/errors.ts';
import { keptAnswer } from '../../../domain/kept-answer.ts';
import type { ProtectedResource } from '../../../domain/wire-sign-in.ts';
import { Public } from '../auth/guard.ts';
import { METADATA_PATH, protectedResource, resourceOf } from '../auth/protected-resource.ts';
import { ApiContext } from '../context.ts';
import { databaseTrouble } from '../../open-database.ts';
import { temporalTrouble } from '../temporal.ts';
import { openApiDocument } from '../openapi/document.ts';
import { documentPage } from '../openapi/page.ts';

const CHECK_MS = 2_000;

/** Anybody may ask: of that nothing behind this process may notice. */
const READINESS_MS = 1_000;

interface Checks {
  readonly database: 'ok' | 'unreachable';
  readonly temporal: 'ok' | 'unreachable';
}

/** What machines and operators ask without a token: health, keys, documents. Each costs next to nothing. */
@Controller()
@Public()
export class OperationsController {
  readonly #context: ApiContext;
  readonly #checks = keptAnswer(
    () => this.#look(),
    READINESS_MS,
    () => performance.now(),
  );
  readonly #reported = new Map<keyof Checks, string>();
  readonly #document = JSON.stringify(openApiDocument());
  readonly #page = documentPage(openApiDocument());

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
    if (this.#context.draining.isBegun) {
      response.status(503);
      return { status: 'draining' };
    }
    const checks = await this.#checks();
    const isReady = checks.database === 'ok' && checks.temporal === 'ok';
    response.status(isReady ? 200 : 503);
    return { status: isReady ? 'ok' : 'unavailable', checks };
  }

  /** Whoever has no token yet learns here how to get one. */
  @Get(METADATA_PATH)
  resource(@Req() request: Request): ProtectedResource {
    const { settings, tokens } = this.#context;
    return protectedResource(resourceOf(settings, request), tokens.issuers());
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

  async #look(): Promise<Checks> {
    const { source, policies, temporal } = this.#context;
    const [database, server] = await Promise.all([
      this.#check('database', async () => {
        await refuseWrongClock(source);
        return policies.active(source.manager);
      }),
      this.#check('temporal', () =>
        temporal.withDeadline(Date.now() + CHECK_MS, () =>
          temporal.connection.workflowService.describeNamespace({ namespace: temporal.options.namespace }),
        ),
      ),
    ]);
    return { database, temporal: server };
  }

  async #check(name: keyof Checks, question: () => Promise<unknown>): Promise<'ok' | 'unreachable'> {
    try {
      await question();
      this.#reported.delete(name);
      return 'ok';
    } catch (error) {
      this.#report(name, error);
      return 'unreachable';
    }
  }

  /** Probes come every few seconds: each reason is logged once, until the check succeeds or says another. */
  #report(name: keyof Checks, error: unknown): void {
    const reason = reasonOf(name, error);
    if (this.#reported.get(name) === reason) return;
    this.#reported.set(name, reason);
    this.#context.log.error({ check: name, ...(isKeyturnError(error) && { code: error.code }) }, reason);
  }
}

function reasonOf(name: keyof Checks, error: unknown): string {
  if (isKeyturnError(error)) return error.message;
  return name === 'database' ? databaseTrouble(error) : temporalTrouble(error);
}
