import {
  Body,
  Delete,
  Get,
  Header,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import type { EntityManager } from 'typeorm';

import type { Found, Page } from '../../../database/scim-resources.ts';
import type { ApiContext } from '../context.ts';
import type { ScimAuthority } from './authorities.ts';
import { Provisioner } from './provisioner-door.ts';
import { listAnswer, pageOf, selected, selectionOf, type Selection } from './page.ts';
import { SCIM_MEDIA_TYPE, type Shown } from './resources.ts';
import { existing, textId } from './users.ts';
import type { Provisioning } from './write.ts';

/** A resource of an authority. */
export interface ResourceReference {
  readonly authority: ScimAuthority;
  readonly id: string;
}

/** What is done with one kind of resource: users or groups. */
export interface ResourceKind<Stored> {
  readonly find: (
    manager: EntityManager,
    authority: ScimAuthority,
    query: { readonly page: Page; readonly selection: Selection },
  ) => Promise<Found<Stored>>;
  readonly read: (manager: EntityManager, authority: ScimAuthority, id: string) => Promise<Stored | null>;
  readonly create: (context: Provisioning, authority: ScimAuthority, body: unknown) => Promise<Stored>;
  readonly replace: (context: Provisioning, reference: ResourceReference, body: unknown) => Promise<Stored>;
  readonly patch: (context: Provisioning, reference: ResourceReference, body: unknown) => Promise<Stored>;
  readonly remove: (context: Provisioning, authority: ScimAuthority, id: string) => Promise<void>;
  /** A PATCH is answered without the resource, which may be large (RFC 7644 section 3.5.2). */
  readonly isPatchedSilently: boolean;
  /** As providers read it. */
  readonly resource: (stored: Stored, shown: Shown) => { readonly meta: { readonly location: string } };
}

/** The routes of a kind of resource (RFC 7644 section 3.2), each for the authority of the token alone. */
export abstract class ScimResourceController<Stored> {
  readonly #context: ApiContext;
  readonly #kind: ResourceKind<Stored>;

  constructor(context: ApiContext, kind: ResourceKind<Stored>) {
    this.#context = context;
    this.#kind = kind;
  }

  @Get()
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  async list(@Provisioner() authority: ScimAuthority, @Query() query: unknown): Promise<object> {
    const [page, selection] = [pageOf(query), selectionOf(query)];
    const found = await this.#kind.find(this.#context.source.manager, authority, { page, selection });
    const resources = found.resources.map((one) => selected(this.#resource(one, authority), selection));
    return listAnswer(resources, found.total, page.startIndex);
  }

  @Post()
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  async create(
    @Provisioner() authority: ScimAuthority,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<object> {
    const resource = this.#resource(await this.#kind.create(this.#context, authority, body), authority);
    response.setHeader('Location', resource.meta.location);
    return resource;
  }

  @Get(':id')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  async read(
    @Provisioner() authority: ScimAuthority,
    @Param('id') id: string,
    @Query() query: unknown,
  ): Promise<object> {
    const found = existing(await this.#kind.read(this.#context.source.manager, authority, textId(id)));
    return selected(this.#resource(found, authority), selectionOf(query));
  }

  @Put(':id')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  async replace(
    @Provisioner() authority: ScimAuthority,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Promise<object> {
    const reference = { authority, id: textId(id) };
    return this.#resource(await this.#kind.replace(this.#context, reference, body), authority);
  }

  @Patch(':id')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  async patch(
    @Provisioner() authority: ScimAuthority,
    @Req() { params, body, query }: Request<{ id: string }>,
    @Res({ passthrough: true }) response: Response,
  ): Promise<object | undefined> {
    const reference = { authority, id: textId(params.id) };
    const stored = await this.#kind.patch(this.#context, reference, body);
    const selection = selectionOf(query);
    if (!this.#kind.isPatchedSilently || selection.only !== null)
      return selected(this.#resource(stored, authority), selection);
    response.status(204);
    return undefined;
  }

  @Delete(':id')
  @HttpCode(204)
  async remove(@Provisioner() authority: ScimAuthority, @Param('id') id: string): Promise<void> {
    await this.#kind.remove(this.#context, authority, textId(id));
  }

  #resource(stored: Stored, authority: ScimAuthority) {
    return this.#kind.resource(stored, { authority, publicUrl: this.#context.settings.publicUrl });
  }
}
