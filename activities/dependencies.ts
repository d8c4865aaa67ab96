import type { CompactVerifyGetKey } from 'jose';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';

import type { DirectoryReader } from '../database/directory-reader.ts';
import type { PolicyReader } from '../database/readers.ts';
import type { Budgets } from '../domain/execution/budgets.ts';
import type { SignInTerms } from '../domain/proof/decision-proof.ts';
import type { SealingKeys } from '../domain/crypto/sealing.ts';
import type { Connector } from './connectors/connector.ts';

/** Reads from a workflow's history what workflow code cannot know. */
export interface HistoryReader {
  /** When the server received the `decide` signals that carry these tickets (RFC 3339), by ticket; one pass over history. */
  signalsReceivedAt(
    execution: { workflowId: string; runId: string },
    tickets: ReadonlySet<string>,
  ): Promise<ReadonlyMap<string, string>>;
  /** Whether this run of the workflow is still open. */
  isOpen(execution: { workflowId: string; runId: string }): Promise<boolean>;
}

/** Everything that activities need. Keys are read once at start; secrets of targets are not among them. */
export interface Dependencies {
  readonly source: DataSource;
  readonly policies: PolicyReader;
  readonly directories: DirectoryReader;
  readonly verificationKeys: CompactVerifyGetKey;
  readonly sealingKeys: SealingKeys;
  readonly identityKey: Uint8Array;
  /** Where people sign in, by the issuer of their accounts. Their keys are in the database. */
  readonly providers: ReadonlyMap<string, SignInTerms>;
  readonly connectors: Readonly<Record<string, Connector>>;
  readonly history: HistoryReader;
  readonly budgets: Budgets;
  readonly log: Logger;
  /** Called for each request that takes a break-glass path, once it is pending. */
  readonly onBreakGlass: (request: string) => void;
}
