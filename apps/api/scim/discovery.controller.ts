import { Controller, Get, Header, Param } from '@nestjs/common';

import { Public } from '../auth/guard.ts';
import { ApiContext } from '../context.ts';
import type { ScimAuthority } from './authorities.ts';
import { resourceTypes, schemas, serviceProviderConfig } from './discovery.ts';
import { Provisioner } from './door.ts';
import { listAnswer } from './page.ts';
import { SCIM_MEDIA_TYPE } from './resources.ts';
import { existing } from './users.ts';

/** What providers ask first. Behind the door of `scimDoor`, like everything of SCIM. */
@Public()
@Controller('scim/v2')
export class ScimDiscoveryController {
  readonly #publicUrl: string;

  constructor({ settings }: ApiContext) {
    this.#publicUrl = settings.publicUrl ?? '';
  }

  @Get('ServiceProviderConfig')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  config(@Provisioner() _authority: ScimAuthority): object {
    return serviceProviderConfig(this.#publicUrl);
  }

  @Get('ResourceTypes')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  types(@Provisioner() _authority: ScimAuthority): object {
    const all = resourceTypes(this.#publicUrl);
    return listAnswer(all, all.length, 1);
  }

  @Get('ResourceTypes/:id')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  type(@Provisioner() _authority: ScimAuthority, @Param('id') id: string): object {
    return existing(resourceTypes(this.#publicUrl).find((type) => type.id === id) ?? null);
  }

  @Get('Schemas')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  schemas(@Provisioner() _authority: ScimAuthority): object {
    const all = schemas(this.#publicUrl);
    return listAnswer(all, all.length, 1);
  }

  @Get('Schemas/:id')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  schema(@Provisioner() _authority: ScimAuthority, @Param('id') id: string): object {
    return existing(schemas(this.#publicUrl).find((schema) => schema.id === id) ?? null);
  }
}
