import { Module } from '@nestjs/common';

import { RequestsModule } from '../requests/requests.module.ts';
import { SubmissionController } from './submission.controller.ts';

@Module({ imports: [RequestsModule], controllers: [SubmissionController] })
export class SubmissionModule {}
