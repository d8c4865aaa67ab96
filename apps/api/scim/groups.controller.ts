import { Controller } from '@nestjs/common';

import { findGroups, readGroup, type StoredGroup } from '../../../database/scim-resources.ts';
import { Door } from '../http/door.ts';
import { ApiContext } from '../context.ts';
import { groupAfterPatch, groupOfBody } from './group-fields.ts';
import { changeGroup, createGroup, deleteGroup } from './groups.ts';
import { isSelected } from './page.ts';
import { ScimResourceController, type ResourceKind } from './resource-controller.ts';
import { groupResource } from './resources.ts';

const GROUPS: ResourceKind<StoredGroup> = {
  find: (manager, authority, { page, selection }) =>
    findGroups(manager, authority, { ...page, hasMembers: isSelected(selection, 'members') }),
  read: readGroup,
  create: (context, authority, body) => createGroup(context, authority, groupOfBody(body)),
  replace: (context, reference, body) => changeGroup(context, reference, () => groupOfBody(body)),
  patch: (context, reference, body) =>
    changeGroup(context, reference, (known) => groupAfterPatch(known, body)),
  remove: deleteGroup,
  isPatchedSilently: true,
  resource: groupResource,
};

@Door('scim')
@Controller('scim/v2/Groups')
export class ScimGroupsController extends ScimResourceController<StoredGroup> {
  constructor(context: ApiContext) {
    super(context, GROUPS);
  }
}
