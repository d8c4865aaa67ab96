import { Client, type ClientConfig } from 'pg';
import { DataSource } from 'typeorm';

import { Spine1764000000000 } from './migrations/1-spine.ts';
import { Claims1764770000000 } from './migrations/10-claims.ts';
import { Owners1764780000000 } from './migrations/11-owners.ts';
import { DirectoryEntries1764820000000 } from './migrations/15-directory-entries.ts';
import { GoverningEntries1764850000000 } from './migrations/18-governing-entries.ts';
import { Rehearsals1764832000000 } from './migrations/19-rehearsals.ts';
import { Scim1764110000000 } from './migrations/2-directory-scim.ts';
import { Directory1764100000000 } from './migrations/2-directory.ts';
import { KillSwitches1764200000000 } from './migrations/3-kill-switches.ts';
import { PolicyFacts1764300000000 } from './migrations/4-policy-facts.ts';
import { Reconsideration1764400000000 } from './migrations/5-reconsideration.ts';
import { GateAnswers1764500000000 } from './migrations/6-gate-answers.ts';
import { PolicyCandidates1764600000000 } from './migrations/7-policy-candidates.ts';
import { Emergencies1764750000000 } from './migrations/8-emergencies.ts';
import { GateFunctions1764800000000 } from './migrations/13-gate-functions.ts';
import { KeptMessages1764831000000 } from './migrations/17-kept-messages.ts';
import { OpenClaims1764830000000 } from './migrations/17-open-claims.ts';
import { WindowClaims1764810000000 } from './migrations/14-window-claims.ts';
import { RepeatedIntents1764870000000 } from './migrations/20-repeated-intents.ts';
import { RecordedDirectories1764880000000 } from './migrations/21-recorded-directories.ts';
import { RefusedAttempts1764890000000 } from './migrations/22-refused-attempts.ts';
import { RehearsalRoots1764900000000 } from './migrations/24-rehearsal-roots.ts';
import { ApprovedActivations1764910000000 } from './migrations/25-approved-activations.ts';
import { RepeatsAndBudgets1764920000000 } from './migrations/26-repeats-and-budgets.ts';
import { NextEntries1764980000000 } from './migrations/32-next-entries.ts';
import { UnansweredProbes1765000000000 } from './migrations/34-unanswered-probes.ts';
import { LiftsOfOthers1765010000000 } from './migrations/35-lifts-of-others.ts';
import { CheckedRows1765050000000 } from './migrations/39-checked-rows.ts';
import { CountedWindows1765080000000 } from './migrations/42-counted-windows.ts';
import { RefusedLifts1765090000000 } from './migrations/43-refused-lifts.ts';
import { TokensAhead1765100000000 } from './migrations/44-tokens-ahead.ts';
import { RepeatedLifts1765110000000 } from './migrations/45-repeated-lifts.ts';
import { TargetTroubles1765140000000 } from './migrations/48-target-troubles.ts';
import { BoundGroups1765150000000 } from './migrations/49-bound-groups.ts';
import { PolicySources1765160000000 } from './migrations/50-policy-sources.ts';
import { Duty1764760000000 } from './migrations/9-duty.ts';
import { tables } from './tables.ts';
import { TurnSocket } from './turn-socket.ts';

/** How a process connects. Pools are small: local activities are short, and two processes share one server. */
export interface DatabaseOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly poolSize?: number;
}

const MIGRATIONS = [
  Spine1764000000000,
  Directory1764100000000,
  Scim1764110000000,
  KillSwitches1764200000000,
  PolicyFacts1764300000000,
  Reconsideration1764400000000,
  GateAnswers1764500000000,
  PolicyCandidates1764600000000,
  Emergencies1764750000000,
  Duty1764760000000,
  Claims1764770000000,
  Owners1764780000000,
  GateFunctions1764800000000,
  WindowClaims1764810000000,
  DirectoryEntries1764820000000,
  OpenClaims1764830000000,
  KeptMessages1764831000000,
  Rehearsals1764832000000,
  GoverningEntries1764850000000,
  RepeatedIntents1764870000000,
  RecordedDirectories1764880000000,
  RefusedAttempts1764890000000,
  RehearsalRoots1764900000000,
  ApprovedActivations1764910000000,
  RepeatsAndBudgets1764920000000,
  NextEntries1764980000000,
  UnansweredProbes1765000000000,
  LiftsOfOthers1765010000000,
  CheckedRows1765050000000,
  CountedWindows1765080000000,
  RefusedLifts1765090000000,
  TokensAhead1765100000000,
  RepeatedLifts1765110000000,
  TargetTroubles1765140000000,
  BoundGroups1765150000000,
  PolicySources1765160000000,
];

/**
 * A session whose end is told to whoever asks in it. Between its return to the pool and its next use nobody listens for a
 * moment, and an end that comes just then would end the process.
 */
class SurvivedSession extends Client {
  constructor(config?: ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}

/** A data source with the tables and migrations. Never synchronises: the schema belongs to migrations alone. */
export function createDataSource(options: DatabaseOptions): DataSource {
  return new DataSource({
    type: 'postgres',
    url: options.url,
    applicationName: options.applicationName,
    poolSize: options.poolSize ?? 10,
    entities: [...tables],
    migrations: [...MIGRATIONS],
    schema: 'keyturn',
    migrationsTableName: 'keyturn_migration',
    synchronize: false,
    logging: false,
    // A database that went away must fail a query, not hold an activity for minutes.
    extra: {
      // Questions that do not wait for each other's answers share a round trip.
      pipeline: true,
      stream: () => new TurnSocket(),
      Client: SurvivedSession,
      connectionTimeoutMillis: 5_000,
      statement_timeout: 15_000,
      idle_in_transaction_session_timeout: 15_000,
    },
  });
}
