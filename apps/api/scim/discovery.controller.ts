import { All, Controller, Get, Header, NotFoundException, Param } from '@nestjs/common';

import { Door } from '../http/door.ts';
import { ApiContext } from '../context.ts';
import { resourceTypes, schemas, serviceProviderConfig } from './discovery.ts';
import { listAnswer } from './page.ts';
import { SCIM_MEDIA_TYPE } from './resources.ts';
import { existing } from './users.ts';

/** What providers read first. */
@Door('scim')
@Controller('scim/v2')
export class ScimDiscoveryController {
  readonly #publicUrl: string;

  constructor({ settings }: ApiContext) {
    this.#publicUrl = settings.publicUrl;
  }

  @Get('ServiceProviderConfig')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  config(): object {
    return serviceProviderConfig(this.#publicUrl);
  }

  @Get('ResourceTypes')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  types(): object {
    const all = resourceTypes(this.#publicUrl);
    return listAnswer(all, all.length, 1);
  }

  @Get('ResourceTypes/:id')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  type(@Param('id') id: string): object {
    return existing(resourceTypes(this.#publicUrl).find((type) => type.id === id) ?? null);
  }

  @Get('Schemas')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  schemas(): object {
    const all = schemas(this.#publicUrl);
    return listAnswer(all, all.length, 1);
  }

  @Get('Schemas/:id')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  schema(@Param('id') id: string): object {
    return existing(schemas(this.#publicUrl).find((schema) => schema.id === id) ?? null);
  }
}

/** Every other path below, so that only providers learn what exists. Comes last. */
@Door('scim')
@Controller()
export class ScimElsewhereController {
  @All('scim{/*path}')
  nothing(): never {
    throw new NotFoundException();
  }
}
