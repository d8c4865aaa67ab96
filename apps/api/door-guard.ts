import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

import { admitCaller } from './auth/authenticate.ts';
import { ApiContext } from './context.ts';
import { Door } from './http/door.ts';
import { admitProvisioner } from './scim/door.ts';

const ADMIT = { people: admitCaller, scim: admitProvisioner, none: () => {} } as const;

/** Asks everybody for what the door of the route asks. A route without one lets nobody in. */
@Injectable()
export class DoorGuard implements CanActivate {
  readonly #context: ApiContext;
  readonly #reflector: Reflector;

  constructor(context: ApiContext, reflector: Reflector) {
    this.#context = context;
    this.#reflector = reflector;
  }

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const door = this.#reflector.getAllAndOverride(Door, [execution.getHandler(), execution.getClass()]);
    if (door === undefined) throw new Error('A route has no door.');
    const http = execution.switchToHttp();
    await ADMIT[door](this.#context, http.getRequest(), http.getResponse());
    return true;
  }
}
