import { randomBytes } from 'node:crypto';

import { Body, Controller, Get, HttpCode, Module, Param, Post, Query } from '@nestjs/common';

import type { AccountLinkView, AccountList, BegunAccountLink } from '../../../contract/accounts.ts';
import type { BodyOf, QueryOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import {
  accountsHeldBy,
  linksOf,
  openBegunLink,
  readLink,
  storeBegunLink,
  type AccountLink,
  type BegunLink,
  type HeldAccount,
} from '../../../database/account-links.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { isOperator } from '../../../domain/execution/kill-switch.ts';
import { base32 } from '../../../domain/identity/ids.ts';
import { isSameIdentity } from '../../../domain/identity/identity.ts';
import { AuthModule } from '../auth/auth.module.ts';
import { CallerParam, isReviewer, reviewerOf, type Caller } from '../auth/caller.ts';
import { operatorOf } from '../auth/operator.ts';
import { TokenVerifier } from '../auth/token-verifier.ts';
import { hasSignIn } from '../../../configuration/issuers.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { BodyPipe, QueryPipe } from '../http/pipes.ts';
import { freshSessionOf, sessionOf } from '../auth/session-of.ts';
import { linkAccount, unlinkAccount } from './link-log.ts';

const { listAccounts: LIST, beginAccountLink: BEGIN } = OPERATIONS;

/** Accounts of people, and how they link further ones. */
@Door('people')
@Controller('v1')
export class AccountsController {
  readonly #context: ApiContext;
  readonly #issuers: readonly string[];

  constructor(context: ApiContext, tokens: TokenVerifier) {
    this.#context = context;
    this.#issuers = tokens
      .issuers()
      .filter(hasSignIn)
      .map(({ issuer }) => issuer);
  }

  @Get('accounts')
  async list(
    @CallerParam() caller: Caller,
    @Query(new QueryPipe(LIST)) { person: wanted }: QueryOf<typeof LIST>,
  ): Promise<AccountList> {
    const own = (isReviewer(caller) ? caller.person : null) ?? reviewerOf(caller);
    const person = wanted ?? own.id;
    if (person !== own.id) operatorOf(caller);
    const { manager } = this.#context.source;
    const [held, links] = [await accountsHeldBy(manager, person), await linksOf(manager, person)];
    return { items: heldBy(caller, held, links), links: links.map(viewOf), issuers: [...this.#issuers] };
  }

  @Post('account-links')
  async begin(
    @CallerParam() caller: Caller,
    @Body(new BodyPipe(BEGIN)) { issuer }: BodyOf<typeof BEGIN>,
  ): Promise<BegunAccountLink> {
    const { id: person } = reviewerOf(caller);
    const session = await freshSessionOf(this.#context, caller);
    if (!this.#issuers.includes(issuer))
      throw new KeyturnError('invalid_request', 'Nobody signs in at that issuer here. Choose another one.');
    const id = `lnk_${base32(randomBytes(16))}`;
    const begun = await storeBegunLink(this.#context.source.manager, { id, session, person, issuer });
    return this.#begun(caller, begun);
  }

  @Get('account-links/:id')
  async show(@CallerParam() caller: Caller, @Param('id') id: string): Promise<BegunAccountLink> {
    reviewerOf(caller);
    return this.#begun(caller, await this.#open(caller, id));
  }

  @Post('account-links/:id/confirm')
  @HttpCode(200)
  async confirm(@CallerParam() caller: Caller, @Param('id') id: string): Promise<AccountLinkView> {
    reviewerOf(caller);
    await freshSessionOf(this.#context, caller);
    const { subject, ...begun } = await this.#open(caller, id);
    if (subject === null)
      throw new KeyturnError('not_found', 'Nobody signed in with the other account yet: go to `address`.');
    return viewOf(await linkAccount(this.#context, caller, { ...begun, subject }));
  }

  @Post('account-links/:id/remove')
  @HttpCode(200)
  async remove(@CallerParam() caller: Caller, @Param('id') id: string): Promise<AccountLinkView> {
    const { id: own } = reviewerOf(caller);
    const session = await freshSessionOf(this.#context, caller);
    const { manager } = this.#context.source;
    const link = isId(id) ? await readLink(manager, id) : null;
    if (!link || (link.person !== own && !isOperatorNow(caller, own)))
      throw new KeyturnError('not_found', 'There is no such link of yours.');
    await unlinkAccount(this.#context, caller, { link, session });
    return viewOf((await readLink(manager, id)) ?? link);
  }

  async #open(caller: Caller, id: string): Promise<BegunLink> {
    const { id: session } = sessionOf(caller);
    const begun = isId(id) ? await openBegunLink(this.#context.source.manager, { id, session }) : null;
    if (begun) return begun;
    throw new KeyturnError(
      'not_found',
      'No such link waits in this session: it was used, is over, or was begun in another session. Begin again.',
    );
  }

  #begun(caller: Caller, { id, issuer, subject, shown_as, expires_at }: BegunLink): BegunAccountLink {
    const { id: person, name } = reviewerOf(caller);
    const { identity } = caller.principal;
    return {
      id,
      person,
      name,
      own: { issuer: identity.issuer, subject: identity.subject },
      issuer,
      account: subject === null ? null : { issuer, subject, shown_as },
      address: `${this.#context.settings.publicUrl}/sign-in?link=${id}`,
      expires_at: new Date(expires_at).toISOString(),
    };
  }
}

function isId(id: string): boolean {
  return /^lnk_[a-z2-7]{26}$/.test(id);
}

function isOperatorNow({ policy, directory }: Caller, person: string): boolean {
  return isOperator(policy.policy.operators, directory, person);
}

/** Each account once, with all who say so. */
function heldBy(
  { principal: { session, identity } }: Caller,
  held: readonly HeldAccount[],
  links: readonly AccountLink[],
): AccountList['items'] {
  const accounts = new Map<string, AccountList['items'][number]>();
  for (const { issuer, subject, authority, since } of held) {
    const key = JSON.stringify([issuer, subject]);
    const account = { issuer, subject };
    const link = links.find((one) => one.unlinked_at === null && isSameIdentity(one, account));
    const known = accounts.get(key) ?? {
      identity: account,
      is_current: session !== null && isSameIdentity(identity, account),
      sources: [],
      link: link?.id ?? null,
    };
    known.sources.push({ authority, since: new Date(since).toISOString() });
    accounts.set(key, known);
  }
  return [...accounts.values()];
}

function viewOf(link: AccountLink): AccountLinkView {
  const { id, person, issuer, subject, session, linked_at: linked, unlinked_at: unlinked } = link;
  return {
    id,
    person,
    identity: { issuer, subject },
    session,
    linked_at: new Date(linked).toISOString(),
    unlinked_at: unlinked && new Date(unlinked).toISOString(),
    unlinked_by: link.unlinked_by,
  };
}

@Module({ imports: [AuthModule], controllers: [AccountsController] })
export class AccountsModule {}
