import { Controller } from '@nestjs/common';

import { findUsers, readUser, type StoredUser } from '../../../database/scim-resources.ts';
import { Door } from '../http/door.ts';
import { ApiContext } from '../context.ts';
import { ScimResourceController, type ResourceKind } from './resource-controller.ts';
import { userResource } from './resources.ts';
import { userAfterPatch, userOfBody } from './user-fields.ts';
import { changeUser, createUser, deleteUser } from './users.ts';

const USERS: ResourceKind<StoredUser> = {
  find: (manager, authority, { page }) => findUsers(manager, authority, page),
  read: readUser,
  create: (context, authority, body) => createUser(context, authority, userOfBody(body, null)),
  replace: (context, reference, body) => changeUser(context, reference, (known) => userOfBody(body, known)),
  patch: (context, reference, body) => changeUser(context, reference, (known) => userAfterPatch(known, body)),
  remove: deleteUser,
  isPatchedSilently: false,
  resource: userResource,
};

@Door('scim')
@Controller('scim/v2/Users')
export class ScimUsersController extends ScimResourceController<StoredUser> {
  constructor(context: ApiContext) {
    super(context, USERS);
  }
}
