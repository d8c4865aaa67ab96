import { Module } from '@nestjs/common';

import { MeController } from './me.controller.ts';
import { CallerDoor } from './authenticate.ts';
import { BrowserDoor } from './browser-door.ts';
import { SessionVerifier } from './session-verifier.ts';

@Module({
  controllers: [MeController],
  providers: [BrowserDoor, CallerDoor, SessionVerifier],
  exports: [BrowserDoor, CallerDoor, SessionVerifier],
})
export class AuthModule {}
