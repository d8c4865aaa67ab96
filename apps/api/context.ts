import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';

import type { SignInTerms } from '../../domain/proof/decision-proof.ts';
import type { ApiKeys } from '../../configuration/keys.ts';
import type { ApiConfiguration } from '../../configuration/programs.ts';
import type { ChangeFeed } from '../../database/change-feed.ts';
import type { SnapshotReader } from '../../database/current-snapshot.ts';
import type { DirectoryReader } from '../../database/directory-reader.ts';
import type { PolicyReader } from '../../database/readers.ts';
import type { Draining } from './http/draining.ts';
import type { Limits } from './http/limits.ts';
import type { Metrics } from './http/metrics.ts';

/** What the handlers work with. Holds no truth: everything in it can be made again from the database and the files. */
export abstract class ApiContext {
  abstract readonly settings: ApiConfiguration;
  abstract readonly keys: ApiKeys;
  /** Where people sign in, by the issuer of their accounts. */
  abstract readonly providers: ReadonlyMap<string, SignInTerms>;
  abstract readonly source: DataSource;
  abstract readonly policies: PolicyReader;
  abstract readonly directories: DirectoryReader;
  abstract readonly snapshots: SnapshotReader;
  abstract readonly feed: ChangeFeed;
  abstract readonly temporal: Client;
  abstract readonly limits: Limits;
  abstract readonly metrics: Metrics;
  abstract readonly log: Logger;
  abstract readonly draining: Draining;
}
