import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

import { CallerDoor } from './auth/authenticate.ts';
import type { AuthenticatedRequest } from './auth/caller.ts';
import { ApiContext } from './context.ts';
import { Door } from './http/door.ts';
import { ProvisionerDoor } from './scim/provisioner-door.ts';

/** Checks every call as the door of its route says. A route without a door lets nobody in. */
@Injectable()
export class DoorGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #context: ApiContext;
  readonly #doors: Readonly<Record<'people' | 'scim', CallerDoor | ProvisionerDoor>>;

  constructor(reflector: Reflector, context: ApiContext, people: CallerDoor, scim: ProvisionerDoor) {
    this.#reflector = reflector;
    this.#context = context;
    this.#doors = { people, scim };
  }

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const door = this.#reflector.getAllAndOverride(Door, [execution.getHandler(), execution.getClass()]);
    if (door === undefined) throw new Error('A route has no door.');
    const http = execution.switchToHttp();
    if (door === 'people' || door === 'scim')
      await this.#doors[door].admit(http.getRequest(), http.getResponse());
    if (door === 'browser') this.#admitUnknown(http.getRequest());
    return true;
  }

  /** Who calls without a token is counted by address, as failed calls are; nothing of a body is read before. */
  #admitUnknown(request: AuthenticatedRequest): void {
    request.payer = `address:${request.ip ?? ''}`;
    this.#context.limits.calls.admit(request.payer);
  }
}
