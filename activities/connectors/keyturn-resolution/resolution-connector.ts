import { executionIn, ownTransactionId, settleClaim } from '../../../database/executions.ts';
import { readRequest } from '../../../database/readers.ts';
import type { ExecutionRow } from '../../../database/tables.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { Dependencies } from '../../dependencies.ts';
import { caller } from '../../place.ts';
import { recordAnswer, type StepPlace, type StepTransaction } from '../../record.ts';
import { misstatement } from '../approved-plan.ts';
import type {
  ApprovedCall,
  Connector,
  ConnectorCall,
  ExecutionOutcome,
  PlanOutcome,
  ProbeCall,
  ProbeOutcome,
} from '../connector.ts';
import { planResolution, resolutionOf, type Resolution, type Unresolved } from './resolution.ts';

/** Keyturn's own database is the target. */
export type ResolutionConnectorOptions = Pick<Dependencies, 'source' | 'log'>;

/**
 * The connector of `keyturn.resolve`: writes what people say became of an action into the record of its request, once,
 * and only as long as nobody has told otherwise.
 */
export function createResolutionConnector(options: ResolutionConnectorOptions): Connector {
  return {
    plan: (call) => plan(options, call),
    execute: (call) => execute(options, call),
    probe: (call) => probe(options, call),
  };
}

async function plan(options: ResolutionConnectorOptions, call: ConnectorCall): Promise<PlanOutcome> {
  const resolution = resolutionOf(call);
  const unresolved = await readUnresolved(options, resolution);
  if (unresolved === null) {
    const detail = `The outcome of ${resolution.request} is not unknown.`;
    return { kind: 'refused', code: 'not_indeterminate', detail };
  }
  return { kind: 'planned', plan: planResolution(resolution, unresolved) };
}

/** Null when there is nothing to tell: another outcome is on record, or none yet. */
async function readUnresolved(
  { source }: ResolutionConnectorOptions,
  { request }: Resolution,
): Promise<Unresolved | null> {
  const row = await readRequest(source.manager, request);
  const execution = await executionIn(source.manager, request, 'indeterminate');
  return row?.status === 'indeterminate' && execution ? { row, execution } : null;
}

async function execute(options: ResolutionConnectorOptions, call: ApprovedCall): Promise<ExecutionOutcome> {
  const resolution = resolutionOf(call);
  const unresolved = await readUnresolved(options, resolution);
  if (unresolved === null) return { kind: 'drifted', detail: TOLD };
  const found = planResolution(resolution, unresolved);
  const { fingerprint } = found;
  if (fingerprint !== call.approvedPlan.fingerprint) return { kind: 'drifted', detail: TOLD };
  const misstated = misstatement(call.approvedPlan, found);
  if (misstated !== null) return { kind: 'drifted', detail: misstated };
  const told = await recordAnswer(options, placeOf(unresolved.row, call), (transaction) =>
    tell(transaction, unresolved.execution, { call, resolution }),
  );
  switch (told) {
    case 'told':
      return { kind: 'succeeded', fingerprint, result: { ...resolution } };
    case 'otherwise':
      return { kind: 'drifted', detail: TOLD };
    case 'given_up':
      // Somebody has asked what became of this run, and was promised that it never happens.
      throw new KeyturnError('illegal_move', 'This execution was given up.');
  }
}

const TOLD = 'The outcome is on record meanwhile.';

/** What became of the step: told now, told otherwise before, or never to be told by this key. */
type Told = 'told' | 'otherwise' | 'given_up';

/** A step of the request that is told about, so that whoever comes first with a key decides what becomes of it. */
function placeOf(
  { id, run_id }: Unresolved['row'],
  { idempotencyKey }: Pick<ApprovedCall, 'idempotencyKey'>,
): StepPlace {
  const { namespace } = caller();
  return {
    request: id,
    run: run_id,
    namespace,
    step: `resolve/${idempotencyKey}`,
    at: new Date().toISOString(),
  };
}

async function tell(
  transaction: StepTransaction,
  execution: ExecutionRow,
  { call, resolution }: { readonly call: ApprovedCall; readonly resolution: Resolution },
): Promise<Told> {
  const { manager, row, place } = transaction;
  // Checked under the lock of the request: what was read before may be told by now.
  if (row.status !== 'indeterminate') return 'otherwise';
  const { outcome } = resolution;
  const facts = { attempt: execution.attempt, found_by: 'people', resolution: call.requestId };
  const settled = {
    from: ['indeterminate'],
    state: outcome,
    at: new Date(place.at),
    outcome: facts,
  } as const;
  await settleClaim(manager, execution, settled);
  const result = { resolution: call.requestId };
  const detail = `Told by ${call.requestId}.`;
  await transaction.move(
    'resolve',
    outcome === 'succeeded'
      ? { status: outcome, failure: null, result }
      : { status: outcome, failure: { code: 'resolved_as_failed', detail } },
  );
  await transaction.append({
    type: outcome === 'succeeded' ? 'execution.succeeded' : 'execution.failed',
    decision_digest: execution.decision_digest,
    facts: outcome === 'succeeded' ? facts : { ...facts, code: 'resolved_as_failed' },
    parts: outcome === 'succeeded' ? { result } : { detail },
  });
  await call.beforeCommit({ transactionId: await ownTransactionId(manager), within: manager });
  return 'told';
}

/** Whoever comes first with the key decides: told by then, or never by this run. */
async function probe(options: ResolutionConnectorOptions, call: ProbeCall): Promise<ProbeOutcome> {
  const row = await readRequest(options.source.manager, resolutionOf(call).request);
  if (!row) return 'unknown';
  const told = await recordAnswer(options, placeOf(row, call), async (): Promise<Told> => 'given_up');
  return told === 'told' ? 'done' : 'not_done';
}
