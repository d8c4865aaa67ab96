import { createHmac } from 'node:crypto';

import { Body, Controller, Get, HttpCode, Module, Param, Post, Query } from '@nestjs/common';

import type { BodyOf, QueryOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import type { PasskeyList, PasskeyView, Registration } from '../../../contract/passkeys.ts';
import { openLinkOf, passkeysOf, usePasskey, type StoredPasskey } from '../../../database/passkeys.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { checkAssertion, siteOf, type Assertion } from '../../../domain/proof/passkey.ts';
import { CallerParam, isReviewer, reviewerOf, type Caller } from '../auth/caller.ts';
import { operatorOf } from '../auth/operator.ts';
import { digestOfSecret } from '../auth/session-cookie.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { BodyPipe, QueryPipe } from '../http/pipes.ts';
import { isOwnChallenge, newChallenge } from './challenge.ts';
import { PasskeyLinksController } from './links.controller.ts';
import { madePasskey } from './new-passkey.ts';
import { registerPasskey, revokePasskey, type PasskeyTerms } from './passkey-log.ts';
import { freshSessionOf, sessionOf } from '../auth/session-of.ts';

const { beginPasskey: BEGIN, createPasskey: CREATE, listPasskeys: LIST } = OPERATIONS;

/** Passkeys of people. */
@Door('people')
@Controller('v1/passkeys')
export class PasskeysController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Post('registrations')
  async begin(
    @CallerParam() caller: Caller,
    @Body(new BodyPipe(BEGIN)) { link }: BodyOf<typeof BEGIN>,
  ): Promise<Registration> {
    const person = reviewerOf(caller);
    const session = await freshSessionOf(this.#context, caller);
    const { keys, settings } = this.#context;
    const open = await this.#linkOf(person.id, link);
    const all = await passkeysOf(this.#context.source.manager, person.id);
    const live = all.filter((passkey) => passkey.revoked_at === null);
    if (open === null && all.length > 0 && live.length === 0) throw lost();
    return {
      challenge: newChallenge(keys.identity, session),
      rp_id: siteOf(settings.publicUrl).rpId,
      user: { id: userHandle(keys.identity, person.id), name: person.id, display_name: person.name },
      known: live.map(({ credential, transports }) => ({ credential, transports: [...transports] })),
      must_confirm: open === null && live.length > 0,
    };
  }

  @Post()
  async create(
    @CallerParam() caller: Caller,
    @Body(new BodyPipe(CREATE)) body: BodyOf<typeof CREATE>,
  ): Promise<PasskeyView> {
    const { id: person } = reviewerOf(caller);
    const { id: session } = sessionOf(caller);
    if (!isOwnChallenge(this.#context.keys.identity, session, body.challenge))
      throw new KeyturnError(
        'passkey_invalid',
        'This registration was not begun in this session, or took longer than ten minutes. Begin again.',
      );
    const link = await this.#linkOf(person, body.link);
    const made = await madePasskey(body, this.#context.settings.publicUrl);
    const confirmedBy = link === null ? await this.#confirmedBy(person, body) : null;
    const { transports = [] } = body;
    const terms = { session, made, transports, link, confirmedBy };
    return viewOf(await registerPasskey(this.#context, caller, terms));
  }

  @Get()
  async list(
    @CallerParam() caller: Caller,
    @Query(new QueryPipe(LIST)) { person: wanted }: QueryOf<typeof LIST>,
  ): Promise<PasskeyList> {
    const own = (isReviewer(caller) ? caller.person : null) ?? reviewerOf(caller);
    if (wanted !== undefined && wanted !== own.id) operatorOf(caller);
    return { items: (await passkeysOf(this.#context.source.manager, wanted ?? own.id)).map(viewOf) };
  }

  @Post(':id/revoke')
  @HttpCode(200)
  async revoke(@CallerParam() caller: Caller, @Param('id') id: string): Promise<PasskeyView> {
    const { id: person } = reviewerOf(caller);
    sessionOf(caller);
    await this.#own(person, id);
    await revokePasskey(this.#context, caller, id);
    return viewOf(await this.#own(person, id));
  }

  async #own(person: string, id: string): Promise<StoredPasskey> {
    const all = await passkeysOf(this.#context.source.manager, person);
    const found = all.find((passkey) => passkey.id === id);
    if (found) return found;
    throw new KeyturnError('not_found', 'You have no such passkey.');
  }

  /** Links open for the person whom they are for alone: to everybody else there is none. */
  async #linkOf(person: string, secret: string | undefined): Promise<PasskeyTerms['link']> {
    if (secret === undefined) return null;
    const digest = digestOfSecret(secret);
    const open = await openLinkOf(this.#context.source.manager, { person, digest });
    if (open) return { open, digest };
    throw new KeyturnError(
      'not_found',
      'There is no such link for you: it was used, replaced, is over, or was made for somebody else. Ask an operator.',
    );
  }

  /** The passkey of this person that signed the challenge of the registration as well; null where they never had one. */
  async #confirmedBy(
    person: string,
    {
      challenge,
      confirmation,
    }: { readonly challenge: string; readonly confirmation?: Assertion | undefined },
  ): Promise<StoredPasskey | null> {
    const { manager } = this.#context.source;
    const all = await passkeysOf(manager, person);
    if (all.length === 0) return null;
    const used = all.find(({ credential }) => credential === confirmation?.credential);
    if (!confirmation || !used) throw lost();
    const { credential, public_key: publicKey, origin, rp_id: rpId } = used;
    const check = checkAssertion(confirmation, { credential, publicKey, challenge, origin, rpId });
    if (check.ok && (await usePasskey(manager, { id: used.id, counter: check.counter }))) return used;
    const why = check.ok ? 'it is revoked, or its counter does not grow' : check.why;
    throw new KeyturnError('passkey_invalid', `The confirmation was not accepted (${why}). Begin again.`);
  }
}

@Module({ controllers: [PasskeysController, PasskeyLinksController] })
export class PasskeysModule {}

function lost(): KeyturnError {
  return new KeyturnError(
    'passkey_needed',
    'You have had a passkey: confirm a further one with it. Where it is lost, ask two operators for a recovery.',
  );
}

/** Under what authenticators keep passkeys of a person: the same always, and nobody’s name. */
function userHandle(identityKey: Uint8Array, person: string): string {
  return createHmac('sha256', identityKey).update(`keyturn passkey user\n${person}`).digest('base64url');
}

function viewOf(passkey: StoredPasskey): PasskeyView {
  const { id, person, how, is_synced, used_at: usedAt, revoked_at: revokedAt } = passkey;
  const madeAt = instantOf(passkey.made_at);
  return {
    id,
    person,
    how,
    is_synced,
    made_at: madeAt,
    counts_from: how === 'recovery' ? madeAt : null,
    used_at: usedAt && instantOf(usedAt),
    revoked_at: revokedAt && instantOf(revokedAt),
  };
}

function instantOf(stored: string): string {
  return new Date(stored).toISOString();
}
