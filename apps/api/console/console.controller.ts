import { randomBytes } from 'node:crypto';

import { Controller, Get, Module, NotFoundException, Param, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';

import { KeyturnError } from '../../../domain/errors.ts';
import { hasSignIn } from '../../../configuration/issuers.ts';
import { TokenVerifier } from '../auth/token-verifier.ts';
import { Door } from '../http/door.ts';
import { isConsolePage } from '../http/html.ts';
import { BuiltConsole } from './built-console.ts';
import { pagePolicy } from './page-policy.ts';

/** The console, for everybody: it holds nothing but its own text, and shows what the API gives to who has signed in. */
@Door('none')
@Controller()
export class ConsoleController {
  readonly #console: BuiltConsole;
  readonly #policy: (nonce: string) => string;

  constructor(console: BuiltConsole, tokens: TokenVerifier) {
    this.#console = console;
    this.#policy = pagePolicy(tokens.issuers().filter(hasSignIn));
  }

  @Get('assets/:name')
  asset(@Param('name') name: string, @Req() request: Request, @Res() response: Response): void {
    const asset = this.#console.assets.get(name);
    if (!asset)
      throw new KeyturnError('not_found', 'The console has no such file any more: reload its page.');
    // The best one comes first, whichever of them a browser names first.
    const [coding] = [...asset.compressed.keys()].filter((one) => request.acceptsEncodings(one) === one);
    if (coding !== undefined) response.setHeader('Content-Encoding', coding);
    response.setHeader('Vary', 'Accept-Encoding');
    response.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
    response.setHeader('Content-Type', asset.type);
    response.send(asset.compressed.get(coding ?? '') ?? asset.plain);
  }

  /** Comes after all routes of the API (`ConsoleModule` is the last one): what they do not answer may be a page of the console. */
  @Get(['', '*path'])
  page(@Req() request: Request, @Res() response: Response): void {
    if (!isConsolePage(request)) throw new NotFoundException();
    const nonce = randomBytes(16).toString('base64url');
    response.setHeader('Content-Security-Policy', this.#policy(nonce));
    response.type('html').send(this.#console.page(nonce));
  }
}

@Module({ controllers: [ConsoleController] })
export class ConsoleModule {}
