import type { EntityManager } from 'typeorm';

import type { CurrentDirectory, DirectoryReader } from './directory-reader.ts';
import { askPrepared, type PreparedQuestion } from './prepared.ts';
import type { ActivePolicy, PolicyReader } from './readers.ts';

/** The active policy, null before the first one is installed, and the directory of the same moment. */
export interface CurrentGround {
  readonly policy: ActivePolicy | null;
  readonly directory: CurrentDirectory;
}

interface GroundRow {
  readonly generation: string | null;
  readonly digest: string | null;
  readonly directory_generation: string | null;
  readonly now: Date;
}

const GROUND: PreparedQuestion = {
  name: 'current-ground',
  text: `select active.generation, active.digest,
                (select generation from keyturn.directory_state) as directory_generation,
                clock_timestamp() as now
         from (select) as one left join keyturn.policy_active as active on true`,
};

/**
 * Reads what every call is judged by. Calls that come at the same time share one question, which is asked after the last
 * of them came: nobody is told what held before. One instance a process; not for transactions.
 */
export class GroundReader {
  readonly #policies: PolicyReader;
  readonly #directories: DirectoryReader;
  #asked: Promise<CurrentGround> | null = null;
  #next: Promise<CurrentGround> | null = null;

  constructor(policies: PolicyReader, directories: DirectoryReader) {
    this.#policies = policies;
    this.#directories = directories;
  }

  async now(manager: EntityManager): Promise<CurrentGround> {
    if (!this.#asked) return this.#ask(manager);
    // The question under way may have been answered already: whoever comes now waits for the next one.
    this.#next ??= this.#asked.then(ignore, ignore).then(() => this.#ask(manager));
    return this.#next;
  }

  #ask(manager: EntityManager): Promise<CurrentGround> {
    this.#next = null;
    const asked = this.#read(manager).finally(() => {
      if (this.#asked === asked) this.#asked = null;
    });
    this.#asked = asked;
    return asked;
  }

  async #read(manager: EntityManager): Promise<CurrentGround> {
    const [row] = await askPrepared<GroundRow>(manager, GROUND, []);
    const [policy, directory] = await Promise.all([
      this.#policyOf(manager, row),
      this.#directories.ofGeneration(manager, row?.directory_generation ?? '0', row?.now ?? new Date(0)),
    ]);
    return { policy, directory };
  }

  async #policyOf(manager: EntityManager, row: GroundRow | undefined): Promise<ActivePolicy | null> {
    if (!row?.digest || row.generation === null) return null;
    const { generation, digest } = row;
    return { generation, digest, policy: await this.#policies.byDigest(manager, digest) };
  }
}

function ignore(): void {}
