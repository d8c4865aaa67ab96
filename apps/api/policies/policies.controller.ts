import { Controller, Get, HttpCode, Module, Param, Post, Req } from '@nestjs/common';
import type { Request } from 'express';

import { readStoredPolicy } from '../../../database/policy-proposals.ts';
import { digestOf } from '../../../domain/crypto/digest.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import {
  digestSchema,
  proposeBodySchema,
  type PolicyAnswer,
  type Proposal,
} from '../../../contract/policies.ts';
import { CallerParam, actingPersonOf, type Caller } from '../auth/caller.ts';
import { TokenVerifier } from '../auth/token-verifier.ts';
import { ApiContext } from '../context.ts';
import { countRefusal } from '../auth/refused-attempt.ts';
import { Door } from '../http/door.ts';
import { parseAs } from '../http/pipes.ts';
import { ActivePolicyController } from './active.controller.ts';
import { BacktestController } from './backtest.controller.ts';
import { ProposalsController } from './proposals.controller.ts';
import { PolicyTodayController } from './today.controller.ts';
import { proposePolicy } from './propose.ts';

/** Policies as people propose and review them. Machines neither propose nor read them. */
@Door('people')
@Controller('v1/policies')
export class PoliciesController {
  readonly #context: ApiContext;
  readonly #tokens: TokenVerifier;

  constructor(context: ApiContext, tokens: TokenVerifier) {
    this.#context = context;
    this.#tokens = tokens;
  }

  @Post()
  @HttpCode(201)
  async propose(@CallerParam() caller: Caller, @Req() request: Request): Promise<Proposal> {
    return countRefusal(this.#context, { caller, delivery: 'proposal' }, async () => {
      // Whether the caller may propose is checked before the body.
      actingPersonOf(caller);
      const proposed = parseAs(proposeBodySchema, request.body);
      const { source, keys, snapshots } = this.#context;
      return proposePolicy({ source, keys, snapshots, tokens: this.#tokens }, caller, proposed);
    });
  }

  @Get(':digest')
  async show(@CallerParam() caller: Caller, @Param('digest') digest: string): Promise<PolicyAnswer> {
    actingPersonOf(caller);
    const isDigest = digestSchema.safeParse(digest).success;
    const policy = isDigest ? await readStoredPolicy(this.#context.source.manager, digest) : null;
    if (policy === null) throw new KeyturnError('not_found', 'There is no such policy.');
    if (digestOf(policy) !== digest)
      throw new KeyturnError('policy_invalid', 'The stored policy is not the one that its digest names.');
    return { digest, is_active: digest === caller.policy.digest, policy: policy as PolicyAnswer['policy'] };
  }
}

@Module({ controllers: [
    PoliciesController,
    ProposalsController,
    ActivePolicyController,
    PolicyTodayController,
    BacktestController,
  ] })
export class PoliciesModule {}
