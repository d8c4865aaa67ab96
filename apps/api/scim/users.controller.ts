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
import { listAnswer, pageOf, selected, selectionOf } from './page.ts';
import { userResource, SCIM_MEDIA_TYPE } from './resources.ts';
import { findUsers, readUser, type StoredUser } from './store.ts';
import { userAfterPatch, userOfBody } from './user-fields.ts';
import { changeUser, createUser, deleteUser, existing, textId } from './users.ts';

/** Users of the authority whose token is given, and of no other. Behind the door of `scimDoor`. */
@Public()
@Controller('scim/v2/Users')
export class ScimUsersController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  async list(@Provisioner() authority: ScimAuthority, @Query() query: unknown): Promise<object> {
    const page = pageOf(query);
    const selection = selectionOf(query);
    const found = await findUsers(this.#context.source.manager, authority, page);
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
    const resource = this.#resource(await createUser(this.#context, authority, userOfBody(body, null)));
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
    const found = existing(await readUser(this.#context.source.manager, authority, textId(id)));
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
    return this.#resource(await changeUser(this.#context, place, (known) => userOfBody(body, known)));
  }

  @Patch(':id')
  @Header('Content-Type', SCIM_MEDIA_TYPE)
  async patch(
    @Provisioner() authority: ScimAuthority,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Promise<object> {
    const place = { authority, id: textId(id) };
    return this.#resource(await changeUser(this.#context, place, (known) => userAfterPatch(known, body)));
  }

  @Delete(':id')
  @HttpCode(204)
  async remove(@Provisioner() authority: ScimAuthority, @Param('id') id: string): Promise<void> {
    await deleteUser(this.#context, authority, textId(id));
  }

  #resource(user: StoredUser) {
    return userResource(user, this.#context.settings.publicUrl ?? '');
  }
}
