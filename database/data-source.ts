import { Client, type ClientConfig } from 'pg';
import { DataSource } from 'typeorm';

import { Baseline1796083200000 } from './migrations/1-baseline.ts';
import { AccountLinks1797033600000 } from './migrations/12-account-links.ts';
import { Sessions1796169600000 } from './migrations/2-sessions.ts';
import { Lists1796256000000 } from './migrations/3-lists.ts';
import { ApiKeys1796342400000 } from './migrations/4-api-keys.ts';
import { Inbox1796428800000 } from './migrations/5-inbox.ts';
import { TakeBacks1796515200000 } from './migrations/6-take-backs.ts';
import { Passkeys1796601600000 } from './migrations/7-passkeys.ts';
import { DecisionProofs1796688000000 } from './migrations/8-decision-proofs.ts';
import { IssuerKeys1796774400000 } from './migrations/9-issuer-keys.ts';
import { Sweeps1796860800000 } from './migrations/10-sweeps.ts';
import { IdTokens1796947200000 } from './migrations/11-id-tokens.ts';
import { TurnSocket } from './turn-socket.ts';

/** How a process connects. Pools are small: local activities are short, and two processes share one server. */
export interface DatabaseOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly poolSize?: number;
}

/**
 * A session whose end fails its queries and nothing else. Between its return to the pool and its next use nobody listens
 * for a moment, and an end that comes just then would end the process.
 */
class SurvivedSession extends Client {
  constructor(config?: ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}

/** A data source with the migrations. Never synchronises: the schema belongs to migrations alone. */
export function createDataSource(options: DatabaseOptions): DataSource {
  return new DataSource({
    type: 'postgres',
    url: options.url,
    applicationName: options.applicationName,
    poolSize: options.poolSize ?? 10,
    migrations: [
      Baseline1796083200000,
      Sessions1796169600000,
      Lists1796256000000,
      ApiKeys1796342400000,
      Inbox1796428800000,
      TakeBacks1796515200000,
      Passkeys1796601600000,
      DecisionProofs1796688000000,
      IssuerKeys1796774400000,
      Sweeps1796860800000,
      IdTokens1796947200000,
      AccountLinks1797033600000,
    ],
    schema: 'keyturn',
    migrationsTableName: 'keyturn_migration',
    synchronize: false,
    logging: false,
    // A database that went away must fail a query, not hold an activity for minutes.
    extra: {
      // Queries that do not wait for each other's answers share a round trip.
      pipeline: true,
      stream: () => new TurnSocket(),
      Client: SurvivedSession,
      connectionTimeoutMillis: 5_000,
      statement_timeout: 15_000,
      idle_in_transaction_session_timeout: 15_000,
    },
  });
}
