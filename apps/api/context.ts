import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';

import type { ApiKeys } from '../../configuration/keys.ts';
import type { ApiConfiguration } from '../../configuration/programs.ts';
import type { ChangeFeed } from '../../database/change-feed.ts';
import type { SnapshotReader } from '../../database/current-snapshot.ts';
import type { DirectoryReader } from '../../database/directory-reader.ts';
import type { PolicyReader } from '../../database/readers.ts';
import type { Draining } from './http/draining.ts';
import type { Metrics } from './http/metrics.ts';
import type { Places } from './http/slots.ts';
import type { RateLimiter } from './http/rate-limiter.ts';

/** What the handlers work with. Holds no truth: everything in it can be made again from the database and the files. */
export abstract class ApiContext {
  abstract readonly settings: ApiConfiguration;
  abstract readonly keys: ApiKeys;
  abstract readonly source: DataSource;
  abstract readonly policies: PolicyReader;
  abstract readonly directories: DirectoryReader;
  abstract readonly ground: SnapshotReader;
  abstract readonly feed: ChangeFeed;
  abstract readonly temporal: Client;
  abstract readonly limiter: RateLimiter;
  /** Dry runs: each may cost a whole evaluation, and leaves nothing behind by which anybody would notice. */
  abstract readonly evaluations: RateLimiter;
  /** Lists and inboxes that are being read. */
  abstract readonly pages: Places;
  abstract readonly metrics: Metrics;
  abstract readonly log: Logger;
  abstract readonly draining: Draining;
}
