import { Module } from '@nestjs/common';

import { ScimUsersController } from './users.controller.ts';
import { ScimGroupsController } from './groups.controller.ts';
import { ScimDiscoveryController, ScimElsewhereController } from './discovery.controller.ts';
import { ProvisionerDoor } from './provisioner-door.ts';

@Module({
  controllers: [ScimUsersController, ScimGroupsController, ScimDiscoveryController, ScimElsewhereController],
  providers: [ProvisionerDoor],
  exports: [ProvisionerDoor],
})
export class ScimModule {}
