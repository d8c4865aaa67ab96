import { Module } from '@nestjs/common';

import { DecisionsController } from './decisions.controller.ts';

@Module({ controllers: [DecisionsController] })
export class DecisionsModule {}
