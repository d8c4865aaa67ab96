import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';

import type { BodyOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import type { OpenedLink, PasskeyLinkList, PasskeyLinkView } from '../../../contract/passkeys.ts';
import { openLinks, passkeysOf, type OpenLink } from '../../../database/passkeys.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { personById } from '../../../domain/identity/directory.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { operatorOf } from '../auth/operator.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { BodyPipe } from '../http/pipes.ts';
import { agreeToRecovery, makeLink, type SecretLink } from './passkey-log.ts';
import { sessionOf } from '../auth/session-of.ts';

const { createPasskeyLink: CREATE } = OPERATIONS;

/** Links by which operators let somebody else register a passkey. */
@Door('people')
@Controller('v1/passkey-links')
export class PasskeyLinksController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Post()
  async create(
    @CallerParam() caller: Caller,
    @Body(new BodyPipe(CREATE)) { person: wanted, kind }: BodyOf<typeof CREATE>,
  ): Promise<OpenedLink> {
    const { person: operator } = operatorOf(caller);
    const { id: session } = sessionOf(caller);
    const person = personById(caller.directory, wanted);
    if (!person?.active)
      throw new KeyturnError('not_found', 'The directory has no active person of this id.');
    if (person.id === operator) throw ownLink();
    const had = await passkeysOf(this.#context.source.manager, person.id);
    if (kind === 'enrolment' && had.length > 0)
      throw new KeyturnError(
        'passkey_needed',
        'This person has had a passkey: they confirm a further one with it. Where it is lost, begin a recovery.',
      );
    return this.#opened(await makeLink(this.#context, caller, { kind, person: person.id, session }));
  }

  @Get()
  async list(@CallerParam() caller: Caller): Promise<PasskeyLinkList> {
    operatorOf(caller);
    return { items: (await openLinks(this.#context.source.manager)).map(viewOf) };
  }

  @Post(':id/agree')
  @HttpCode(200)
  async agree(@CallerParam() caller: Caller, @Param('id') id: string): Promise<OpenedLink> {
    const { person: operator } = operatorOf(caller);
    const { id: session } = sessionOf(caller);
    const { manager } = this.#context.source;
    const link = (await openLinks(manager)).find((one) => one.id === id);
    if (link?.kind !== 'recovery' || link.agreed_by !== null)
      throw new KeyturnError('not_found', 'No such recovery waits for a second operator.');
    if (link.person === operator) throw ownLink();
    if (link.made_by === operator)
      throw new KeyturnError('forbidden', 'You began this recovery: another operator agrees to it.');
    const live = (await passkeysOf(manager, link.person)).filter(({ revoked_at: at }) => at === null);
    const revoked = live.map((passkey) => passkey.id);
    return this.#opened(await agreeToRecovery(this.#context, caller, { link, session, revoked }));
  }

  #opened({ link, secret }: SecretLink): OpenedLink {
    const { publicUrl } = this.#context.settings;
    return { ...viewOf(link), address: secret && `${publicUrl}/me?passkey_link=${secret}` };
  }
}

function ownLink(): KeyturnError {
  return new KeyturnError('forbidden', 'Other operators let you register a passkey, not you yourself.');
}

function viewOf({ made_at: made, expires_at: expires, ...link }: OpenLink): PasskeyLinkView {
  const { id, kind, person, made_by, agreed_by } = link;
  const [made_at, expires_at] = [new Date(made).toISOString(), new Date(expires).toISOString()];
  return { id, kind, person, made_by, agreed_by, made_at, expires_at };
}
