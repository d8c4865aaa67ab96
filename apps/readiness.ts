import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';

import { refuseWrongClock } from '../database/clock.ts';
import type { PolicyReader } from '../database/readers.ts';
import { isKeyturnError } from '../domain/errors.ts';
import { keptAnswer } from '../configuration/kept-answer.ts';
import { databaseTrouble } from './open-database.ts';
import { askNamespace, temporalTrouble } from '../configuration/temporal.ts';

const CHECK_MS = 2_000;

/** Anybody may call it, so it must not put load on the systems behind this process. */
const READINESS_MS = 1_000;

/** What a process needs, and whether it can be used. */
export interface ReadinessChecks {
  readonly database: 'ok' | 'unreachable';
  readonly temporal: 'ok' | 'unreachable';
}

/** What is checked, and where the reasons are logged. */
interface Needs {
  readonly source: DataSource;
  readonly policies: PolicyReader;
  readonly temporal: Client;
  readonly log: Logger;
}

/** Whether database, policy and Temporal's namespace can be used. Checks at most once a second, and logs each reason once. */
export class Readiness {
  readonly checks = keptAnswer(
    () => this.#checkAll(),
    READINESS_MS,
    () => performance.now(),
  );
  readonly #needs: Needs;
  readonly #reported = new Map<keyof ReadinessChecks, string>();

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  async #checkAll(): Promise<ReadinessChecks> {
    const { source, policies, temporal } = this.#needs;
    const [database, server] = await Promise.all([
      this.#check('database', async () => {
        await refuseWrongClock(source);
        return policies.active(source.manager);
      }),
      this.#check('temporal', () => askNamespace(temporal, CHECK_MS)),
    ]);
    return { database, temporal: server };
  }

  async #check(name: keyof ReadinessChecks, question: () => Promise<unknown>): Promise<'ok' | 'unreachable'> {
    try {
      await question();
      this.#reported.delete(name);
      return 'ok';
    } catch (error) {
      this.#report(name, error);
      return 'unreachable';
    }
  }

  /** Probes come every few seconds: each reason is logged once, until the check succeeds or fails for another. */
  #report(name: keyof ReadinessChecks, error: unknown): void {
    const reason = reasonOf(name, error);
    if (this.#reported.get(name) === reason) return;
    this.#reported.set(name, reason);
    this.#needs.log.error({ check: name, ...(isKeyturnError(error) && { code: error.code }) }, reason);
  }
}

/** True when everything checked can be used. */
export function isReady({ database, temporal }: ReadinessChecks): boolean {
  return database === 'ok' && temporal === 'ok';
}

function reasonOf(name: keyof ReadinessChecks, error: unknown): string {
  if (isKeyturnError(error)) return error.message;
  return name === 'database' ? databaseTrouble(error) : temporalTrouble(error);
}
