import { executionIn, ownTransactionId } from '../../../database/executions.ts';
import { readRequest } from '../../../database/readers.ts';
import type { ExecutionRow } from '../../../database/tables.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { Dependencies } from '../../dependencies.ts';
import { caller } from '../../caller.ts';
import { recordAnswer } from '../../record.ts';
import type { StepReference, StepTransaction } from '../../step.ts';
import { settle } from '../../steps/settle.ts';
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
type ResolutionConnectorOptions = Pick<Dependencies, 'source' | 'log'>;

/**
 * The connector of `keyturn.resolve`: writes what people say became of an action into the record of its request, once,
 * and only as long as no other outcome is on record.
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

/** Null when there is nothing to resolve: another outcome is on record, or none yet. */
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
  if (unresolved === null) return { kind: 'drifted', detail: RESOLVED_MEANWHILE };
  const found = planResolution(resolution, unresolved);
  const { fingerprint } = found;
  if (fingerprint !== call.approvedPlan.fingerprint) return { kind: 'drifted', detail: RESOLVED_MEANWHILE };
  const misstated = misstatement(call.approvedPlan, found);
  if (misstated !== null) return { kind: 'drifted', detail: misstated };
  const result = await recordAnswer(options, stepReference(unresolved.row, call), (transaction) =>
    resolve(transaction, unresolved.execution, { call, resolution }),
  );
  switch (result) {
    case 'told':
      return { kind: 'succeeded', fingerprint, result: { ...resolution } };
    case 'otherwise':
      return { kind: 'drifted', detail: RESOLVED_MEANWHILE };
    case 'given_up':
      // A probe has asked about this run, and was promised that it never happens.
      throw new KeyturnError('illegal_move', 'This execution was given up.');
  }
}

const RESOLVED_MEANWHILE = 'The outcome is on record meanwhile.';

/** How the step ended: resolved now, resolved otherwise before, or never to be resolved by this key. */
type StepAnswer = 'told' | 'otherwise' | 'given_up';

/** A step of the request that is resolved: the first use of a key, by a run or a probe, decides. */
function stepReference(
  { id, run_id }: Unresolved['row'],
  { idempotencyKey }: Pick<ApprovedCall, 'idempotencyKey'>,
): StepReference {
  const { namespace } = caller();
  return {
    request: id,
    run: run_id,
    namespace,
    step: `resolve/${idempotencyKey}`,
    at: new Date().toISOString(),
  };
}

async function resolve(
  transaction: StepTransaction,
  execution: ExecutionRow,
  { call, resolution }: { readonly call: ApprovedCall; readonly resolution: Resolution },
): Promise<StepAnswer> {
  const { manager, row } = transaction;
  // Checked under the lock of the request: what was read before may be resolved by now.
  if (row.status !== 'indeterminate') return 'otherwise';
  const result = { resolution: call.requestId };
  const facts = { found_by: 'people', ...result };
  const code = 'resolved_as_failed';
  await settle(transaction, execution, {
    step: 'resolve',
    state: resolution.outcome,
    ...(resolution.outcome === 'succeeded'
      ? { facts, result }
      : { facts: { ...facts, code }, code, detail: `Told by ${call.requestId}.` }),
  });
  if (transaction.appended.length === 0) return 'otherwise';
  await call.beforeCommit({ transactionId: await ownTransactionId(manager), within: manager });
  return 'told';
}

/** The first use of the key decides: resolved by then, or never by this run. */
async function probe(options: ResolutionConnectorOptions, call: ProbeCall): Promise<ProbeOutcome> {
  const row = await readRequest(options.source.manager, resolutionOf(call).request);
  if (!row) return 'unknown';
  const result = await recordAnswer(
    options,
    stepReference(row, call),
    async (): Promise<StepAnswer> => 'given_up',
  );
  return result === 'told' ? 'done' : 'not_done';
}
