import type { Client } from 'pg';

import { analyse, startOfAnalysis } from '../../../../activities/connectors/postgres/analysis.ts';
import { KeptSessions } from '../../../../activities/connectors/postgres/kept-sessions.ts';
import { SqlParsers } from '../../../../activities/connectors/postgres/parser-thread.ts';
import { planCall } from '../../../../activities/connectors/postgres/plan-call.ts';
import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { PreparedCall } from '../../../../activities/connectors/postgres/prepared-call.ts';
import { StatementRefused } from '../../../../activities/connectors/postgres/refusal.ts';
import {
  DEFAULT_LIMITS,
  planningLimits,
  readTargetSettings,
} from '../../../../activities/connectors/postgres/settings.ts';
import { isSurvivedError } from '../../../../activities/connectors/postgres/sql-error.ts';
import { readStatement } from '../../../../activities/connectors/postgres/statement.ts';
import type {
  ApprovedCall,
  ConnectorCall,
  ExecutionOutcome,
} from '../../../../activities/connectors/connector.ts';
import type { Plan } from '../../../../domain/request/plan.ts';

/** Looks into how often statements are rehearsed. */
export class Rehearsals {
  readonly #kept = new KeptSessions();
  readonly #parsers = new SqlParsers(30_000);
  readonly #connector = createPostgresConnector();

  /** Whether one rehearsal is proven to be enough. */
  isRepeatable(call: ConnectorCall): Promise<boolean> {
    return this.#analysed(call, async ({ analysis }) => analysis.isRepeatable);
  }

  /** What comes of one rehearsal and of two, without what may differ; null where one is not enough. */
  async bothPlans(call: ConnectorCall): Promise<readonly [object, object] | null> {
    const planned = (isRepeatable?: false): Promise<object | null> =>
      this.#analysed(call, async (prepared, reader) => {
        if (!prepared.analysis.isRepeatable) return null;
        const analysis = { ...prepared.analysis, isRepeatable: isRepeatable ?? true };
        return comparable(await planCall({ ...prepared, analysis }, reader));
      }).catch(refusal);
    const [once, twice] = [await planned(), await planned(false)];
    return once === null || twice === null ? null : [once, twice];
  }

  /** The plan by the connector itself. */
  async planned(call: ConnectorCall): Promise<Plan> {
    const outcome = await this.#connector.plan(call);
    if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.detail}`);
    return outcome.plan;
  }

  executed(call: ApprovedCall): Promise<ExecutionOutcome> {
    return this.#connector.execute(call);
  }

  async #analysed<Answer>(
    call: ConnectorCall,
    work: (prepared: PreparedCall, reader: Client) => Promise<Answer>,
  ): Promise<Answer> {
    const settings = readTargetSettings(call.target);
    const limits = planningLimits(DEFAULT_LIMITS, settings.planning);
    const request = { settings, limits, requestId: call.requestId, call, kept: this.#kept };
    const parser = this.#parsers.of(call.root);
    const { allowedFunctions } = settings;
    const statement = await readStatement(call.arguments['statement'], { parser, allowedFunctions });
    const reading = { ...request, statement, parser };
    return this.#kept.lend(
      reading,
      async (client, answers) =>
        work({ ...reading, analysis: await analyse(client, answers, reading) }, client),
      { start: startOfAnalysis(reading) },
    );
  }
}

/** By what the server or Keyturn itself says; anything else is a defect. */
function refusal(error: unknown): object {
  if (error instanceof StatementRefused || isSurvivedError(error)) return { code: error.code };
  throw error;
}

function comparable({ locks_held_ms: _held, sequence_values_used: _used, ...plan }: Plan): object {
  return plan;
}
