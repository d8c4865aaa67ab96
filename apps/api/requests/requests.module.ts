import { Module } from '@nestjs/common';

import { RequestsController } from './requests.controller.ts';
import { InboxController } from './inbox.controller.ts';
import { WaitingCalls } from './waiting-calls.ts';

@Module({
  controllers: [RequestsController, InboxController],
  providers: [WaitingCalls],
  exports: [WaitingCalls],
})
export class RequestsModule {}
