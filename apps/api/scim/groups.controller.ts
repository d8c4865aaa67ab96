import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Res,
} from '@nestjs/common';
import type { Response } from 'express';

import { Public } from '../auth/guard.ts';
import { ApiContext } from '../context.ts';
import type { ScimAuthority } from './authorities.ts';
import { Provisioner } from './door.ts';
import { groupAfterPatch, groupOfBody } from './group-fields.ts';
import { changeGroup, createGroup, deleteGroup } from './groups.ts';
import { isSelected, listAnswer, pageOf, selected, selectionOf } from './page.ts';
import { groupResource, SCIM_MEDIA_TYPE } from './resources.ts';
import { findGroups, readGroup, type StoredGroup } from './store.ts';
import { existing, textId } from './users.ts';

/** Groups of the authority whose token is given, and of no other. Behind the door of `scimDoor`. */
@Public()
@Controller('scim/v2/Groups')
export class ScimGroupsController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  async list(@Provisioner() authority: ScimAuthority, @Query() query: unknown): Promise<object> {
    const page = pageOf(query);
    const selection = selectionOf(query);
    const found = await findGroups(this.#context.source.manager, authority, {
      ...page,
      hasMembers: isSelected(selection, 'members'),
    });
    const resources = found.resources.map((one) => selected(this.#resource(one), selection));
    return listAnswer(resources, found.total, page.startIndex);
  }

  @Post()
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  async create(
    @Provisioner() authority: ScimAuthority,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<object> {
    const resource = this.#resource(await createGroup(this.#context, authority, groupOfBody(body)));
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
    const found = existing(await readGroup(this.#context.source.manager, authority, textId(id)));
    return selected(this.#resource(found), selectionOf(query));
  }

  @Put(':id')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  async replace(
    @Provisioner() authority: ScimAuthority,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Promise<object> {
    const place = { authority, id: textId(id) };
    return this.#resource(await changeGroup(this.#context, place, () => groupOfBody(body)));
  }

  @Patch(':id')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  async patch(
    @Provisioner() authority: ScimAuthority,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Promise<object> {
    const place = { authority, id: textId(id) };
    return this.#resource(await changeGroup(this.#context, place, (known) => groupAfterPatch(known, body)));
  }

  @Delete(':id')
  @HttpCode(204)
  async remove(@Provisioner() authority: ScimAuthority, @Param('id') id: string): Promise<void> {
    await deleteGroup(this.#context, authority, textId(id));
  }

  #resource(group: StoredGroup) {
    return groupResource(group, this.#context.settings.publicUrl ?? '');
  }
}
