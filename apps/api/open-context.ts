import { pino, type Logger } from 'pino';

import { readApiKeys } from '../../configuration/keys.ts';
import type { ApiConfiguration } from '../../configuration/programs.ts';
import { mayFetchFrom } from '../../configuration/fetching.ts';
import { ChangeFeed } from '../../database/change-feed.ts';
import { SnapshotReader } from '../../database/current-snapshot.ts';
import { refuseSuperuser } from '../../database/inspection.ts';
import { DirectoryReader } from '../../database/directory-reader.ts';
import { PolicyReader } from '../../database/readers.ts';
import { openDataSource } from '../open-database.ts';
import { hasSignIn, readIssuers, signInTermsOf, type Issuer } from '../../configuration/issuers.ts';
import { TokenVerifier } from './auth/token-verifier.ts';
import { readConsole, type BuiltConsole } from './console/built-console.ts';
import type { ApiContext } from './context.ts';
import { Draining } from './http/draining.ts';
import { createLimits } from './http/limits.ts';
import { Metrics } from './http/metrics.ts';
import { requestIdField } from './http/request-id.ts';
import { readScim, type ScimAuthorities } from './scim/authorities.ts';
import { createTemporal } from './temporal.ts';

/** An open context, who gets in by which tokens, the console, and how to close it. */
export interface OpenContext {
  readonly context: ApiContext;
  readonly tokens: TokenVerifier;
  readonly authorities: ScimAuthorities;
  readonly console: BuiltConsole;
  readonly close: () => Promise<void>;
}

/** Opens everything a process needs. Throws when keys or issuers are wrong, or the database cannot be reached. */
export async function openContext(settings: ApiConfiguration): Promise<OpenContext> {
  const log = pino({ level: settings.logLevel, base: { program: 'keyturn-api' }, mixin: requestIdField });
  const [keys, issuers, authorities, console] = await Promise.all([
    readApiKeys(settings),
    readIssuers(settings.issuers),
    readScim(settings.scim),
    readConsole(),
  ]);
  refuseUnprotected(settings, issuers.values());
  const metrics = new Metrics();
  const { source, feed } = await openDatabase(settings, log, metrics);
  const temporal = createTemporal(settings);
  const [policies, directories] = [new PolicyReader(), new DirectoryReader()];
  const context: ApiContext = {
    settings,
    keys,
    providers: signInTermsOf(issuers),
    source,
    policies,
    directories,
    snapshots: new SnapshotReader(policies, directories),
    feed,
    temporal,
    limits: createLimits(settings),
    metrics,
    log,
    draining: new Draining(),
  };
  context.draining.signal.addEventListener('abort', () => feed.release());
  const close = async (): Promise<void> => {
    await feed.stop();
    await temporal.connection.close();
    await source.destroy();
  };
  return { context, tokens: new TokenVerifier(issuers, log), authorities, console, close };
}

/** A cookie that is sent in clear from another machine is anybody's. */
function refuseUnprotected({ publicUrl }: ApiConfiguration, issuers: Iterable<Issuer>): void {
  if (mayFetchFrom(publicUrl, {}) || ![...issuers].some(hasSignIn)) return;
  throw new Error(
    'KEYTURN_PUBLIC_URL: people sign in with a browser (`console` in KEYTURN_ISSUERS) over https, or on loopback: name an https address.',
  );
}

/** The database with its feed of changes, both listening. Throws when it cannot be reached, or as a superuser. */
async function openDatabase(
  settings: ApiConfiguration,
  log: Logger,
  metrics: Metrics,
): Promise<Pick<ApiContext, 'source' | 'feed'>> {
  const source = await openDataSource({
    url: settings.databaseUrl,
    applicationName: 'keyturn-api',
    poolSize: settings.poolSize,
  });
  const feed = new ChangeFeed({
    url: settings.databaseUrl,
    manager: source.manager,
    onProblem: (error) =>
      log.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'change feed interrupted'),
    onLag: (lagSeconds) => metrics.noteFeedLag(lagSeconds),
  });
  try {
    await refuseSuperuser(source);
    await feed.start();
  } catch (error) {
    await feed.stop();
    await source.destroy();
    throw error;
  }
  return { source, feed };
}
