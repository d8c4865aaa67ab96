import { Module } from '@nestjs/common';

import { SwitchesController } from './switches.controller.ts';

@Module({ controllers: [SwitchesController] })
export class SwitchesModule {}
