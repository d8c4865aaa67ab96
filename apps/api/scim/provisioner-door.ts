import { createParamDecorator, Injectable, type ExecutionContext } from '@nestjs/common';
import type { Request, Response } from 'express';

import { KeyturnError } from '../../../domain/errors.ts';
import { ApiContext } from '../context.ts';
import { ScimAuthorities, type ScimAuthority } from './authorities.ts';

/** A request that passed the door. */
export interface ProvisioningRequest extends Request {
  provisioner?: ScimAuthority;
}

/** The authority that provisions, as a parameter of a handler. */
export const Provisioner = createParamDecorator((_: unknown, context: ExecutionContext): ScimAuthority => {
  const { provisioner } = context.switchToHttp().getRequest<ProvisioningRequest>();
  if (!provisioner) throw new KeyturnError('unauthenticated', 'This needs the token of an authority.');
  return provisioner;
});

/**
 * Admits only tokens of configured authorities, and limits the rate of each; nothing of a body is read before. Where none
 * is configured these routes do not exist. These tokens admit to nothing else, and no other token admits here.
 */
@Injectable()
export class ProvisionerDoor {
  readonly #context: ApiContext;
  readonly #authorities: ScimAuthorities;

  constructor(context: ApiContext, authorities: ScimAuthorities) {
    this.#context = context;
    this.#authorities = authorities;
  }

  admit(request: ProvisioningRequest, response: Response): void {
    if (!this.#authorities.isConfigured) throw new KeyturnError('not_found', 'There is nothing at this URL.');
    const token = tokenOf(request);
    const provisioner = token === undefined ? null : this.#authorities.of(token);
    const payer = provisioner?.authority ?? `scim-address:${request.ip ?? ''}`;
    this.#context.limits.calls.admit(payer);
    if (!provisioner) throw this.#unknown(token, response);
    Object.assign(request, { provisioner, payer });
  }

  #unknown(token: string | undefined, response: Response): KeyturnError {
    const { log, metrics } = this.#context;
    metrics.refusedTokens.inc({ fault: token !== undefined ? 'scim' : 'no_token' });
    if (token === undefined)
      return new KeyturnError('unauthenticated', 'This needs the token of an authority.');
    const isDigest = this.#authorities.isDigest(token);
    const why = ': it is a digest from KEYTURN_SCIM instead of the token itself';
    log.warn({ fault: 'scim' }, `a token was refused${isDigest ? why : ''}`);
    response.setHeader('WWW-Authenticate', 'Bearer error="invalid_token"');
    return new KeyturnError(
      'unauthenticated',
      'This token belongs to no authority that provisions this installation.',
    );
  }
}

/** With two tokens, a server before this one may have checked the other. */
function tokenOf({ headersDistinct: { authorization = [] } }: Request): string | undefined {
  const [given = '', ...others] = authorization;
  return others.length > 0 ? undefined : /^Bearer +([\x21-\x7e]{1,1024})$/i.exec(given)?.[1];
}
