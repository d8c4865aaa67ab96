import { Body, Controller, Get, HttpCode, Module, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';

import type { LiveSession } from '../../../database/sessions.ts';
import { isKeyturnError, KeyturnError } from '../../../domain/errors.ts';
import { AuthModule } from '../auth/auth.module.ts';
import { currentCaller } from '../auth/authenticate.ts';
import type { Caller } from '../auth/caller.ts';
import { SeenClaims } from '../auth/seen-claims.ts';
import { cookieValues, refuseForgery, setCookie } from '../auth/session-cookie.ts';
import { SessionVerifier } from '../auth/session-verifier.ts';
import { tokenRefusalOf } from '../auth/token-refusal.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { beginSignIn, localPath } from './begin.ts';
import { finishSignIn } from './finish.ts';
import { answerBySecondSignIn, linkToSignInFor } from './link.ts';
import { choicePage } from './pages.ts';
import { openPending, PENDING_SECONDS, type Pending } from './pending.ts';
import { answerBySignIn, signInOfProof } from './proof.ts';
import { SignInProviders } from './providers.ts';
import { SessionController } from './session.controller.ts';
import { endByProvider, endSession, startSession } from './session-log.ts';

/** Longer hints are nobody's name. */
const HINT = /^[\P{Cc}]{1,256}$/u;

/** The pages by which people sign in and out, for browsers without scripts. */
@Door('browser')
@Controller()
export class SignInController {
  readonly #context: ApiContext;
  readonly #providers: SignInProviders;
  readonly #sessions: SessionVerifier;
  readonly #seen = new SeenClaims();

  constructor(context: ApiContext, providers: SignInProviders, sessions: SessionVerifier) {
    this.#context = context;
    this.#providers = providers;
    this.#sessions = sessions;
  }

  @Get('sign-in')
  async begin(
    @Req() request: Request,
    @Query() query: Readonly<Record<string, unknown>>,
    @Res({ passthrough: true }) response: Response,
  ): Promise<string | undefined> {
    if (this.#providers.issuers.length === 0)
      throw new KeyturnError(
        'not_found',
        'Nobody signs in with a browser here: no issuer of KEYTURN_ISSUERS has a `console`.',
      );
    const { proof, link } = query;
    if (typeof proof === 'string') return this.#beginProof(request, response, proof);
    if (typeof link === 'string') return this.#beginLink(request, response, link);
    return this.#beginSession(request, response, query);
  }

  /** Asks where to sign in, where there are several places and the address names none. */
  async #beginSession(
    request: Request,
    response: Response,
    query: Readonly<Record<string, unknown>>,
  ): Promise<string | undefined> {
    const { issuers } = this.#providers;
    const returnTo = localPath(query['return_to']);
    const { issuer: wanted = issuers[0]?.issuer, login_hint: hint } = query;
    const more = { ...(typeof hint === 'string' && HINT.test(hint) && { login_hint: hint }) };
    const isFresh = query['prompt'] === 'login';
    if (issuers.length > 1 && query['issuer'] === undefined) {
      response.type('html');
      return choicePage(this.#context.settings.publicUrl, issuers, {
        return_to: returnTo,
        ...more,
        ...(isFresh && { prompt: 'login' }),
      });
    }
    const provider = await this.#providers.find(String(wanted));
    const isRenewal = query['prompt'] === 'none' && (await this.#replacedBy(request)) !== null;
    const options = { returnTo, isRenewal, isFresh, more };
    const { location, cookie } = await beginSignIn(this.#context, provider, options);
    this.#set(response, { name: this.#sessions.cookies.signIn, value: cookie, seconds: PENDING_SECONDS });
    response.redirect(303, location);
    return undefined;
  }

  @Get('sign-in/callback')
  async callback(@Req() request: Request, @Res() response: Response): Promise<void> {
    const { cookies } = this.#sessions;
    const pending = await this.#pendingOf(request);
    this.#set(response, { name: cookies.signIn, value: '' });
    if (pending.proof !== null) return this.#answerProof(request, response, pending);
    if (pending.link !== null) return this.#answerLink(request, response, pending);
    const secret = await this.#finish(request, pending).catch((error: unknown) => {
      if (pending.is_renewal && isKeyturnError(error) && error.code === 'unauthenticated') return null;
      throw error;
    });
    if (secret !== null) this.#set(response, { name: cookies.session, value: secret });
    response.redirect(303, `${this.#context.settings.publicUrl}${pending.return_to}`);
  }

  @Post('sign-out')
  @HttpCode(303)
  async signOut(
    @Req() request: Request,
    @Body() body: { readonly csrf_token?: unknown } | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const secret = this.#sessions.secretOf(request);
    const { publicUrl } = this.#context.settings;
    if (secret !== null) {
      refuseForgery(request, { publicUrl, secret, token: body?.csrf_token });
      const caller = await this.#callerOf(secret);
      if (caller?.principal.session) await endSession(this.#context, caller, caller.principal.session);
      // Other sites can post as well, but not with the cookie.
      this.#set(response, { name: this.#sessions.cookies.session, value: '' });
    }
    response.redirect(303, `${publicUrl}/`);
  }

  /** Identity providers call this, not browsers (OpenID Connect Back-Channel Logout 1.0). */
  @Post('sign-in/back-channel-logout')
  @HttpCode(200)
  async logout(@Body() body: { readonly logout_token?: unknown } | undefined): Promise<undefined> {
    const { logout_token: token } = body ?? {};
    if (typeof token !== 'string')
      throw new KeyturnError('invalid_request', 'Post a form with `logout_token`.');
    try {
      const logout = await this.#providers.verifyLogout(token);
      const count = await endByProvider(this.#context, logout);
      this.#context.log.info({ issuer: logout.issuer, count }, 'a provider ended sessions');
    } catch (error) {
      const fault = tokenRefusalOf(error)?.fault;
      if (!fault) throw error;
      this.#context.log.warn({ fault }, 'a logout token was refused');
      throw new KeyturnError('invalid_request', `The logout token was refused (${fault}).`);
    }
  }

  /** Sends the browser to sign in again, for a decision. */
  async #beginProof(request: Request, response: Response, id: string): Promise<undefined> {
    const session = await this.#sessionOf(request);
    const proving = await signInOfProof(this.#context, session, id);
    const provider = await this.#providers.find(session?.issuer ?? '');
    const options = { returnTo: proving.returnTo, isRenewal: false, isFresh: true, proving, more: {} };
    const { location, cookie } = await beginSignIn(this.#context, provider, options);
    this.#set(response, { name: this.#sessions.cookies.signIn, value: cookie, seconds: PENDING_SECONDS });
    response.redirect(303, location);
  }

  /** The page of the request says what is wrong with a sign-in that proves nothing. */
  async #answerProof(request: Request, response: Response, pending: Pending): Promise<void> {
    const provider = await this.#providers.find(pending.issuer);
    const query = new URL(request.originalUrl, 'http://localhost').search;
    const session = await this.#sessionOf(request);
    const fault = await answerBySignIn(this.#context, { provider, pending, query, session });
    if (fault) this.#context.log.warn({ issuer: pending.issuer, fault }, 'a sign-in proves no decision');
    const said = fault === null ? '' : `&proof_fault=${fault}`;
    response.redirect(303, `${this.#context.settings.publicUrl}${pending.return_to}${said}`);
  }

  /** Sends the browser to sign in with another account, for a link that its session began. */
  async #beginLink(request: Request, response: Response, id: string): Promise<undefined> {
    const begun = await linkToSignInFor(this.#context, await this.#sessionOf(request), id);
    const provider = await this.#providers.find(begun.issuer);
    const options = {
      returnTo: `/link/${begun.id}`,
      isRenewal: false,
      isFresh: true,
      link: begun.id,
      more: {},
    };
    const { location, cookie } = await beginSignIn(this.#context, provider, options);
    this.#set(response, { name: this.#sessions.cookies.signIn, value: cookie, seconds: PENDING_SECONDS });
    response.redirect(303, location);
  }

  /** The page of the link shows both accounts, or says what is wrong. */
  async #answerLink(request: Request, response: Response, pending: Pending): Promise<void> {
    const provider = await this.#providers.find(pending.issuer);
    const query = new URL(request.originalUrl, 'http://localhost').search;
    const session = await this.#sessionOf(request);
    const fault = await answerBySecondSignIn(this.#context, { provider, pending, query, session });
    if (fault) this.#context.log.warn({ issuer: pending.issuer, fault }, 'a sign-in links no account');
    const said = fault === null ? '' : `?fault=${fault}`;
    response.redirect(303, `${this.#context.settings.publicUrl}${pending.return_to}${said}`);
  }

  async #sessionOf(request: Request): Promise<LiveSession | null> {
    return (await this.#replacedBy(request))?.principal.session ?? null;
  }

  async #pendingOf(request: Request): Promise<Pending> {
    const [sealed, ...others] = cookieValues(request, this.#sessions.cookies.signIn);
    const pending =
      sealed !== undefined && others.length === 0
        ? await openPending(this.#context.keys.identity, sealed)
        : null;
    if (pending) return pending;
    throw new KeyturnError(
      'invalid_request',
      'This sign-in was not begun in this browser, was begun again since, or took longer than ten minutes. Sign in again.',
    );
  }

  async #finish(request: Request, pending: Pending): Promise<string> {
    const provider = await this.#providers.find(pending.issuer);
    const query = new URL(request.originalUrl, 'http://localhost').search;
    const finishing = { provider, pending, query, seen: this.#seen };
    try {
      const signedIn = await finishSignIn(this.#context, finishing);
      const replaced = await this.#replacedBy(request);
      if (pending.is_renewal && replaced?.person?.id !== signedIn.caller.person?.id)
        throw new KeyturnError('unauthenticated', 'Another person is signed in at the provider by now.');
      return await startSession(this.#context, signedIn, { state: pending.state, replaced });
    } catch (error) {
      const fault = tokenRefusalOf(error)?.fault;
      if (fault) this.#context.log.warn({ issuer: pending.issuer, fault }, 'a sign-in was refused');
      throw error;
    }
  }

  /** Who was signed in with this browser before. */
  async #replacedBy(request: Request): Promise<Caller | null> {
    const [secret] = cookieValues(request, this.#sessions.cookies.session);
    return secret ? this.#callerOf(secret) : null;
  }

  /** Null for a session that is over: then nobody is signed in. */
  async #callerOf(secret: string): Promise<Caller | null> {
    const principal = await this.#sessions.ofSecret(secret);
    return principal && currentCaller(this.#context, principal).catch(nobodyIfEnded);
  }

  #set(response: Response, cookie: Parameters<typeof setCookie>[1]): void {
    response.append('Set-Cookie', setCookie(this.#sessions.cookies, cookie));
  }
}

function nobodyIfEnded(error: unknown): null {
  if (tokenRefusalOf(error)?.fault === 'session_ended') return null;
  throw error;
}

@Module({
  imports: [AuthModule],
  controllers: [SignInController, SessionController],
  providers: [SignInProviders],
})
export class SignInModule {}
