import { Module } from '@nestjs/common';

import { MeController } from './me.controller.ts';
import { CallerDoor } from './authenticate.ts';

@Module({ controllers: [MeController], providers: [CallerDoor], exports: [CallerDoor] })
export class AuthModule {}
