import { Body, Controller, Get, HttpCode, Module, Param, Post } from '@nestjs/common';

import { keyIdSchema, type ApiKeyView, type CreatedKey, type KeyList } from '../../../contract/api-keys.ts';
import type { BodyOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import { keysOf, readKey, type ListedKey, type StoredKey } from '../../../database/api-keys.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { isOperator } from '../../../domain/execution/kill-switch.ts';
import type { Agent } from '../../../domain/identity/directory.ts';
import { OWN_ISSUER } from '../../../domain/identity/identity.ts';
import { actionOf, targetOf, type PolicySet } from '../../../domain/policy/policy.ts';
import { CallerParam, isReviewer, reviewerOf, type Caller } from '../auth/caller.ts';
import { isAuditReader } from '../auth/operator.ts';
import { sessionOf } from '../auth/session-of.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { BodyPipe } from '../http/pipes.ts';
import { createKey, revokeKey } from './key-log.ts';

const { createApiKey: CREATE } = OPERATIONS;

/** A key that ends before its call does would be none. */
const LASTS_MS_MIN = 60_000;
const LASTS_MS_MAX = 366 * 86_400_000;

/** API keys of agents without an issuer. */
@Door('people')
@Controller('v1/api-keys')
export class KeysController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Post()
  async create(
    @CallerParam() caller: Caller,
    @Body(new BodyPipe(CREATE)) body: BodyOf<typeof CREATE>,
  ): Promise<CreatedKey> {
    sessionOf(caller);
    const { id: person } = reviewerOf(caller);
    const agent = agentWithKeys(caller, body.agent);
    if (agent.owner !== person && !isOperatorNow(caller, person))
      throw new KeyturnError('forbidden', 'You neither own this agent nor are an operator.');
    if (!agent.active)
      throw new KeyturnError('requester_inactive', 'This agent is deactivated in the directory.');
    const { title, actions = null, targets = null } = body;
    refuseUnknownScope(caller.policy.policy, { actions, targets });
    const terms = { agent, title, actions, targets, expiresAt: expiryOf(body.expires_at) };
    const { stored, key } = await createKey(this.#context, caller, terms);
    return { ...viewOf({ ...stored, is_live: true }), key };
  }

  @Get()
  async list(@CallerParam() caller: Caller): Promise<KeyList> {
    const { id: reader } = (isReviewer(caller) ? caller.person : null) ?? reviewerOf(caller);
    const [seesAll, changesAll] = [isAuditReader(caller, reader), isOperatorNow(caller, reader)];
    const agents = caller.directory.agents
      .filter(({ issuer, owner }) => issuer === OWN_ISSUER && (seesAll || owner === reader))
      .map(({ id, name, owner, active }) => ({
        id,
        name,
        owner,
        is_active: active,
        may_change: changesAll || owner === reader,
      }));
    const ids = agents.map(({ id }) => id);
    return { agents, items: (await keysOf(this.#context.source.manager, ids)).map(viewOf) };
  }

  @Post(':id/revoke')
  @HttpCode(200)
  async revoke(@CallerParam() caller: Caller, @Param('id') id: string): Promise<ApiKeyView> {
    const { manager } = this.#context.source;
    sessionOf(caller);
    const { id: person } = reviewerOf(caller);
    const key = keyIdSchema.safeParse(id).success ? await readKey(manager, id) : null;
    // Also of an agent that has another account by now.
    const isOwner = caller.directory.agents.some((one) => one.id === key?.agent && one.owner === person);
    if (!key || !(isOwner || isOperatorNow(caller, person)))
      throw new KeyturnError('not_found', 'There is no such API key of an agent of yours.');
    await revokeKey(this.#context, caller, { id: key.id, how: isOwner ? 'owner' : 'operator' });
    return viewOf((await readKey(manager, id)) ?? key);
  }
}

@Module({ controllers: [KeysController] })
export class KeysModule {}

function agentWithKeys({ directory }: Caller, id: string): Agent {
  const agent = directory.agents.find((one) => one.id === id && one.issuer === OWN_ISSUER);
  if (agent) return agent;
  throw new KeyturnError('not_found', 'The directory has no agent of this id with `issuer: keyturn`.');
}

function isOperatorNow({ policy: { policy }, directory }: Caller, person: string): boolean {
  return isOperator(policy.operators, directory, person);
}

function expiryOf(text: string): Date {
  const expiry = new Date(text);
  const left = expiry.getTime() - Date.now();
  if (left >= LASTS_MS_MIN && left <= LASTS_MS_MAX) return expiry;
  const errors = [{ path: '/expires_at', message: 'must lie a minute ahead or more, within 366 days' }];
  throw new KeyturnError('invalid_request', 'The request does not match the schema: see `errors`.', {
    errors,
  });
}

/** A misspelt id would make a key that is for nothing. */
function refuseUnknownScope(
  policy: PolicySet,
  { actions, targets }: Pick<StoredKey, 'actions' | 'targets'>,
): void {
  const action = actions?.find((id) => !actionOf(policy, id));
  if (action !== undefined)
    throw new KeyturnError('unknown_action', `The catalogue has no action ${JSON.stringify(action)}.`);
  const target = targets?.find((id) => !targetOf(policy, id));
  if (target !== undefined)
    throw new KeyturnError('unknown_target', `The catalogue has no target ${JSON.stringify(target)}.`);
}

function viewOf(key: ListedKey): ApiKeyView {
  const { id, prefix, agent, title, actions, targets, created_by, is_live } = key;
  return {
    id,
    prefix,
    agent,
    title,
    created_by,
    is_live,
    actions: actions && [...actions],
    targets: targets && [...targets],
    created_at: instantOf(key.created_at),
    expires_at: instantOf(key.expires_at),
    used_at: key.used_at && instantOf(key.used_at),
    revoked_at: key.revoked_at && instantOf(key.revoked_at),
  };
}

function instantOf(stored: string): string {
  return new Date(stored).toISOString();
}
