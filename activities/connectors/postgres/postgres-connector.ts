import type { Client } from 'pg';

import { isKeyturnError } from '../../../domain/errors.ts';
import type { ApprovedCall, Connector, ConnectorCall, ExecutionOutcome, PlanOutcome } from '../connector.ts';
import { isLate } from '../../../domain/execution/fair-pool.ts';
import { analyse, startOfAnalysis } from './analysis.ts';
import { executeApproved, refusedRun } from './execution.ts';
import { KeptSessions } from './kept-sessions.ts';
import { SqlParsers, type SqlParser } from './parser-thread.ts';
import { planCall } from './plan-call.ts';
import { probeRun } from './probe.ts';
import { StatementRefused } from './refusal.ts';
import { isLost, lostSession, type SessionRequest } from './session.ts';
import { DEFAULT_LIMITS, planningLimits, readTargetSettings, type PostgresLimits } from './settings.ts';
import { classOf, failureOf, isBusy, isSurvivedError, isTooSlow } from './sql-error.ts';
import { normalForm, readStatement } from './statement.ts';
import { readerUse } from './written-tables.ts';
import type { PreparedCall } from './prepared-call.ts';

/** The largest chains take a quarter of a second of an idle processor; a busy machine may need far longer. */
const PARSE_TIMEOUT_MS = 30_000;

/**
 * The connector of `postgres.execute`: shows what one SQL statement will do, triggers and cascades included, and
 * commits only if it did exactly that.
 */
export function createPostgresConnector(differing: Partial<PostgresLimits> = {}): Connector {
  const parsers = new SqlParsers(PARSE_TIMEOUT_MS);
  const kept = new KeptSessions();
  const limits: PostgresLimits = { ...DEFAULT_LIMITS, ...differing };
  const requestOf = ({ target, requestId }: ConnectorCall): SessionRequest => ({
    settings: readTargetSettings(target),
    limits,
    requestId,
  });
  const planningOf = (call: ConnectorCall): SessionRequest => {
    const request = requestOf(call);
    return { ...request, limits: planningLimits(limits, request.settings.planning) };
  };
  return {
    plan: async (call) => plan({ ...planningOf(call), call, parser: parsers.of(call.root), kept }),
    execute: async (call) => execute({ ...requestOf(call), call, parser: parsers.of(call.root), kept }),
    probe: async (call) => probeRun(call, requestOf(call)).catch(rethrow),
  };
}

interface Work<Call extends ConnectorCall> extends SessionRequest {
  readonly call: Call;
  readonly parser: SqlParser;
  readonly kept: KeptSessions;
}

async function plan(work: Work<ConnectorCall>): Promise<PlanOutcome> {
  try {
    return await prepare(work, async (prepared, idle) => ({
      kind: 'planned',
      plan: await planCall(prepared, idle),
      normalForm: normalForm(prepared.statement),
    }));
  } catch (error) {
    if (error instanceof StatementRefused) {
      const { code, message, isBySetUp } = error;
      return { kind: 'refused', code, detail: message, ...(isBySetUp ? { decidedBy: 'set-up' } : {}) };
    }
    if (isLate(error)) return { kind: 'refused', code: 'checks_busy', detail: error.message };
    if (isBusy(error)) return { kind: 'refused', code: 'target_busy', detail: BUSY, decidedBy: 'locks' };
    if (isTooSlow(error)) return { kind: 'refused', code: 'planning_limit', detail: TOO_SLOW };
    if (isSurvivedError(error)) return { kind: 'refused', code: 'target_error', ...failureOf(error) };
    return rethrow(error);
  }
}

const BUSY = 'Others hold locks on what it needs, or change the same rows: try again.';
const TOO_SLOW =
  'It takes longer than planning may at this target. Plan it in parts, or let the target only count rows ' +
  '(planning.rehearse: count).';

async function execute(work: Work<ApprovedCall>): Promise<ExecutionOutcome> {
  try {
    return await prepare(work, (prepared, idle) => executeApproved({ ...prepared, ...work }, idle));
  } catch (error) {
    // Raised before anything ran: the statement or the target is no longer what was approved.
    if (error instanceof StatementRefused) return refusedRun(error);
    if (isSurvivedError(error)) return { kind: 'failed', code: classOf(error), ...failureOf(error) };
    return rethrow(error);
  }
}

/** Reads and analyses the statement, then goes on with a session that is idle again. */
async function prepare<Call extends ConnectorCall, Outcome>(
  work: Work<Call>,
  goOn: (prepared: PreparedCall, idle: Client) => Promise<Outcome>,
): Promise<Outcome> {
  const { parser, settings } = work;
  const reading = { parser, allowedFunctions: settings.allowedFunctions };
  const statement = await readStatement(work.call.arguments['statement'], reading);
  const request = { ...work, statement };
  return work.kept.lend(
    work,
    async (idle, answers) => {
      const analysis = await analyse(idle, answers, request);
      const prepared = { ...request, analysis };
      if (readerUse(analysis.tables) === 'catalogue') return goOn(prepared, idle);
      return work.kept.lend(work, (reader) => goOn(prepared, reader), { use: 'rows' });
    },
    { start: startOfAnalysis(request) },
  );
}

/** Errors of the network or of the target's end come out as `unavailable`; everything else as it is. */
function rethrow(error: unknown): never {
  throw isLost(error) && !isKeyturnError(error) ? lostSession(error, { wasReached: true }) : error;
}
