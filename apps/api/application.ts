import 'reflect-metadata';

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';

import { TokenVerifier } from './auth/token-verifier.ts';
import { ApiContext } from './context.ts';
import type { OpenContext } from './open-context.ts';
import { ScimAuthorities } from './scim/authorities.ts';
import { AuditModule } from './audit/audit.controller.ts';
import { AuthModule } from './auth/auth.module.ts';
import { CatalogueModule } from './catalogue/catalogue.controller.ts';
import { BuiltConsole } from './console/built-console.ts';
import { ConsoleModule } from './console/console.controller.ts';
import { DecisionsModule } from './decisions/decisions.controller.ts';
import { EventsModule } from './events/events.controller.ts';
import { KeysModule } from './keys/keys.controller.ts';
import { OperationsModule } from './operations/operations.controller.ts';
import { PoliciesModule } from './policies/policies.controller.ts';
import { CardsModule } from './cards/cards.controller.ts';
import { QuestionsModule } from './questions/questions.controller.ts';
import { RequestsModule } from './requests/requests.controller.ts';
import { ScimModule } from './scim/scim.module.ts';
import { PeopleModule } from './people/people.controller.ts';
import { AccountsModule } from './accounts/accounts.controller.ts';
import { PasskeysModule } from './passkeys/passkeys.controller.ts';
import { SignInModule } from './sign-in/sign-in.controller.ts';
import { SubmissionModule } from './submission/submission.controller.ts';
import { SwitchesModule } from './switches/switches.controller.ts';
import { DoorGuard } from './door-guard.ts';
import { BodyReader } from './auth/body-reader.ts';
import { compress } from './http/compress.ts';
import { redirectPages } from './http/html.ts';
import { handOver, neverFresh, QueryReader, refuseHosts } from './http/protocol.ts';
import { observe } from './http/observe.ts';
import { ProblemFilter } from './http/problems.ts';
import { REQUEST_ID_HEADER } from './http/request-id.ts';

@Module({
  imports: [
    AuditModule,
    AuthModule,
    CatalogueModule,
    DecisionsModule,
    EventsModule,
    KeysModule,
    AccountsModule,
    PasskeysModule,
    OperationsModule,
    PeopleModule,
    PoliciesModule,
    QuestionsModule,
    RequestsModule,
    CardsModule,
    ScimModule,
    SignInModule,
    SubmissionModule,
    SwitchesModule,
    // The last one: it takes what no other answers.
    ConsoleModule,
  ],
  providers: [{ provide: APP_GUARD, useClass: DoorGuard }],
})
class ApiModule {}

type Opened = Omit<OpenContext, 'close'>;

/** With what the process has opened, for every module. */
function moduleOver({ context, tokens, authorities, console }: Opened): DynamicModule {
  const providers = [
    { provide: ApiContext, useValue: context },
    { provide: TokenVerifier, useValue: tokens },
    { provide: ScimAuthorities, useValue: authorities },
    { provide: BuiltConsole, useValue: console },
  ];
  return { module: ApiModule, global: true, providers, exports: providers };
}

/** The HTTP application over its context, not yet listening. */
export async function createApplication(opened: Opened): Promise<NestExpressApplication> {
  const { context } = opened;
  const { publicUrl } = context.settings;
  const app = await NestFactory.create<NestExpressApplication>(moduleOver(opened), new ExpressAdapter(), {
    logger: false,
    abortOnError: false,
    bodyParser: false,
    // Without it a connected event stream keeps the process from ever stopping.
    forceCloseConnections: true,
  });
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.set('etag', false);
  app.set('trust proxy', [...context.settings.trustedProxies]);
  app.use(observe(context.log, context.metrics));
  app.use((_request: IncomingMessage, response: ServerResponse, next: () => void) => {
    context.draining.follow(response);
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Permissions-Policy', PERMISSIONS);
    next();
  });
  app.use(refuseHosts);
  app.use(neverFresh);
  app.use(compress());
  app.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: CONTENT_POLICY },
      xFrameOptions: { action: 'deny' },
      // With `no-referrer` a browser sends the forms of its pages with the Origin `null`.
      referrerPolicy: { policy: 'same-origin' },
      // Over http nobody may say so.
      strictTransportSecurity: publicUrl.startsWith('https:'),
    }),
  );
  app.use(redirectPages(publicUrl));
  app.useGlobalInterceptors(new QueryReader(), new BodyReader(context));
  app.useGlobalFilters(new ProblemFilter(context.log, context.metrics, publicUrl));
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

/** Passkeys are for pages of this origin alone, in no frame. */
const PERMISSIONS = 'publickey-credentials-get=(self), publickey-credentials-create=(self)';

/** Of all but the page of the console: it loads nothing but the style inside of it, and no script, not even one of this origin. */
const CONTENT_POLICY = {
  defaultSrc: ["'none'"],
  styleSrc: ["'unsafe-inline'"],
  formAction: ["'self'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
};

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
