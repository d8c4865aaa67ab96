import { Module } from '@nestjs/common';

import { MeController } from './me.controller.ts';
import { CallerDoor } from './authenticate.ts';
import { SessionVerifier } from './session-verifier.ts';

@Module({
  controllers: [MeController],
  providers: [CallerDoor, SessionVerifier],
  exports: [CallerDoor, SessionVerifier],
})
export class AuthModule {}
