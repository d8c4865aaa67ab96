import type { EntityManager } from 'typeorm';

import type { CurrentDirectory, DirectoryReader } from './directory-reader.ts';
import { queryPrepared, type PreparedQuery } from './prepared.ts';
import type { ActivePolicy, PolicyReader } from './readers.ts';

/** The active policy, null before the first one is installed, and the directory of the same moment. */
export interface CurrentSnapshot {
  readonly policy: ActivePolicy | null;
  readonly directory: CurrentDirectory;
  /** When the directory changed last, by the database's clock; minus infinity: never. */
  readonly directoryChangedAtMs: number;
}

interface SnapshotRow {
  readonly generation: string | null;
  readonly digest: string | null;
  readonly directory_generation: string | null;
  readonly directory_changed_at_ms: number | null;
  readonly now: Date;
}

const CURRENT: PreparedQuery = {
  name: 'current-snapshot',
  text: `select active.generation, active.digest,
                directory.generation as directory_generation,
                (extract(epoch from directory.changed_at) * 1000)::float8 as directory_changed_at_ms,
                clock_timestamp() as now
         from (select) as one left join keyturn.policy_active as active on true
           left join keyturn.directory_state as directory on true`,
};

/**
 * Reads what every call is evaluated by. Calls that come at the same time share one query, which starts after the last of
 * them came: nobody gets what held before. One instance a process; not for transactions.
 */
export class SnapshotReader {
  readonly #policies: PolicyReader;
  readonly #directories: DirectoryReader;
  #running: Promise<CurrentSnapshot> | null = null;
  #next: Promise<CurrentSnapshot> | null = null;

  constructor(policies: PolicyReader, directories: DirectoryReader) {
    this.#policies = policies;
    this.#directories = directories;
  }

  async now(manager: EntityManager): Promise<CurrentSnapshot> {
    if (!this.#running) return this.#start(manager);
    // The running query may have been answered already: who comes now waits for the next one.
    this.#next ??= this.#running.then(ignore, ignore).then(() => this.#start(manager));
    return this.#next;
  }

  #start(manager: EntityManager): Promise<CurrentSnapshot> {
    this.#next = null;
    const running = this.#read(manager).finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running = running;
    return running;
  }

  async #read(manager: EntityManager): Promise<CurrentSnapshot> {
    const [row] = await queryPrepared<SnapshotRow>(manager, CURRENT, []);
    const [policy, directory] = await Promise.all([
      this.#policyOf(manager, row),
      this.#directories.ofGeneration(manager, row?.directory_generation ?? '0', row?.now ?? new Date(0)),
    ]);
    return { policy, directory, directoryChangedAtMs: row?.directory_changed_at_ms ?? Infinity };
  }

  async #policyOf(manager: EntityManager, row: SnapshotRow | undefined): Promise<ActivePolicy | null> {
    if (!row?.digest || row.generation === null) return null;
    const { generation, digest } = row;
    return { generation, digest, policy: await this.#policies.byDigest(manager, digest) };
  }
}

function ignore(): void {}
