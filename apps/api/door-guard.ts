import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

import { CallerDoor } from './auth/authenticate.ts';
import { Door } from './http/door.ts';
import { ProvisionerDoor } from './scim/provisioner-door.ts';

/** Checks every call as the door of its route says. A route without a door lets nobody in. */
@Injectable()
export class DoorGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #doors: { readonly people: CallerDoor; readonly scim: ProvisionerDoor };

  constructor(reflector: Reflector, people: CallerDoor, scim: ProvisionerDoor) {
    this.#reflector = reflector;
    this.#doors = { people, scim };
  }

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const door = this.#reflector.getAllAndOverride(Door, [execution.getHandler(), execution.getClass()]);
    if (door === undefined) throw new Error('A route has no door.');
    const http = execution.switchToHttp();
    if (door === 'people' || door === 'scim')
      await this.#doors[door].admit(http.getRequest(), http.getResponse());
    if (door === 'browser') this.#doors.people.admitUnknown(http.getRequest());
    return true;
  }
}
