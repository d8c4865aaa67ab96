import 'reflect-metadata';

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';

import { MeController } from './auth/me.controller.ts';
import { CatalogueController } from './catalogue/catalogue.controller.ts';
import { ApiContext } from './context.ts';
import { DoorGuard } from './door-guard.ts';
import { AuditController } from './audit/audit.controller.ts';
import { DecisionsController } from './decisions/decisions.controller.ts';
import { EventsController } from './events/events.controller.ts';
import { SubmissionController } from './submission/submission.controller.ts';
import { BodyReader } from './http/body.ts';
import { compress } from './http/compress.ts';
import { handOver, neverFresh, QueryReader, refuseHosts } from './http/manners.ts';
import { observe } from './http/observe.ts';
import { OperationsController } from './http/operations.controller.ts';
import { ProblemFilter } from './http/problems.ts';
import { REQUEST_ID_HEADER } from './http/request-id.ts';
import { PoliciesController } from './policies/policies.controller.ts';
import { InboxController } from './requests/inbox.controller.ts';
import { RequestsController } from './requests/requests.controller.ts';
import { WaitingCalls } from './requests/waiting-calls.ts';
import { SwitchesController } from './switches/switches.controller.ts';
import { ScimDiscoveryController, ScimElsewhereController } from './scim/discovery.controller.ts';
import { ScimGroupsController } from './scim/groups.controller.ts';
import { ScimUsersController } from './scim/users.controller.ts';

@Module({
  providers: [{ provide: APP_GUARD, useClass: DoorGuard }, WaitingCalls],
  controllers: [
    RequestsController,
    DecisionsController,
    InboxController,
    CatalogueController,
    MeController,
    SwitchesController,
    PoliciesController,
    AuditController,
    EventsController,
    OperationsController,
    ScimDiscoveryController,
    ScimUsersController,
    ScimGroupsController,
    SubmissionController,
    ScimElsewhereController,
  ],
})
// oxlint-disable-next-line typescript/no-extraneous-class -- the framework wants a class to hang the lists on
class ApiModule {}

function moduleOver(context: ApiContext): DynamicModule {
  return { module: ApiModule, providers: [{ provide: ApiContext, useValue: context }] };
}

/** The HTTP application over its context, not yet listening. */
export async function createApplication(context: ApiContext): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(moduleOver(context), new ExpressAdapter(), {
    logger: false,
    abortOnError: false,
    bodyParser: false,
    // Without it a connected event stream keeps the process from ever stopping.
    forceCloseConnections: true,
  });
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.set('etag', false);
  app.use(observe(context.log, context.metrics));
  app.use((_request: IncomingMessage, response: ServerResponse, next: () => void) => {
    context.draining.follow(response);
    next();
  });
  app.use(refuseHosts);
  app.use(neverFresh);
  app.use(compress());
  app.use(helmet({ contentSecurityPolicy: { directives: CONTENT_POLICY } }));
  app.use(noStore);
  app.useGlobalInterceptors(new QueryReader(), new BodyReader(context));
  app.useGlobalFilters(new ProblemFilter(context.log, context.metrics));
  const server = app.getHttpServer() as Server;
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  // Longer than usual load balancers keep idle connections: a call must not meet one that just closes.
  server.keepAliveTimeout = 65_000;
  server.on('clientError', answerUnreadable);
  handOver(server);
  await app.init();
  return app;
}

/** Nothing here loads anything but the style inside the documentation page. */
const CONTENT_POLICY = {
  defaultSrc: ["'none'"],
  styleSrc: ["'unsafe-inline'"],
  frameAncestors: ["'none'"],
  upgradeInsecureRequests: null,
};

function noStore(
  _request: IncomingMessage,
  response: { setHeader(name: string, value: string): unknown },
  next: () => void,
): void {
  response.setHeader('Cache-Control', 'no-store');
  next();
}

const STATUS_OF_UNREADABLE: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Bytes that are not HTTP never reach a handler; they get a problem, too. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status = STATUS_OF_UNREADABLE[error.code ?? ''] ?? '400 Bad Request';
  const requestId = randomUUID();
  const body = JSON.stringify({
    type: 'urn:keyturn:error:invalid_request',
    title: status.slice(4),
    status: Number(status.slice(0, 3)),
    code: 'invalid_request',
    detail: 'The request is not readable as HTTP.',
    request_id: requestId,
  });
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n` +
      `${REQUEST_ID_HEADER}: ${requestId}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
