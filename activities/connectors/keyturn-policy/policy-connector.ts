import { ownTransactionId } from '../../../database/executions.ts';
import { lockActiveSet } from '../../../database/policy-activation.ts';
import { readActivation, useKey } from '../../../database/policy-proposals.ts';
import { isKeyturnError, KeyturnError } from '../../../domain/errors.ts';
import { FairPool, isLate, type FairPoolLimits } from '../../../domain/execution/fair-pool.ts';
import { SYSTEM_ACTOR } from '../../actors.ts';
import { activatePolicy, type InstalledPolicy } from '../../policy-install.ts';
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
import { checkSources } from '../../../policy-files/checker.ts';
import { backtestLines } from './backtest-proposal.ts';
import { checkProposal, publicationOf, type ProposalDependencies, type CheckedProposal } from './proposal.ts';
import type { PolicyPair } from '../../../policy-files/backtest-work.ts';
import { fingerprintOf, planPublication } from './plan-publication.ts';

/** Keyturn's own database is the target. */
export type PolicyConnectorOptions = Omit<ProposalDependencies, 'check'>;

interface PlanningDependencies extends ProposalDependencies {
  /** Shows, line by line, what a proposed policy would have said of recorded requests. */
  readonly backtest: (policies: PolicyPair) => Promise<readonly string[]>;
}

/** Threads at once, in which policies of requesters are read. Requesters take turns. */
const POOL: FairPoolLimits = { slots: 2, waitingMax: 20 };

/**
 * The connector of `keyturn.policy.publish`: shows what another policy would change, and makes it the active one in one
 * transaction, only in place of the one that it was compared with.
 */
export function createPolicyConnector(options: PolicyConnectorOptions): Connector {
  const pool = new FairPool(POOL);
  const dependenciesOf = ({ root }: ConnectorCall): PlanningDependencies => ({
    ...options,
    check: (work) => pool.run(root, () => checkSources(work)),
    backtest: (policies) => pool.run(root, () => backtestLines(options.source.manager, policies, new Date())),
  });
  return {
    plan: (call) => plan(dependenciesOf(call), call).catch(refuseLate),
    execute: (call) => execute(dependenciesOf(call), call),
    probe: (call) => probe(options, call),
  };
}

function refuseLate(error: unknown): PlanOutcome {
  if (isLate(error)) return { kind: 'refused', code: 'checks_busy', detail: error.message };
  throw error;
}

async function plan(dependencies: PlanningDependencies, call: ConnectorCall): Promise<PlanOutcome> {
  const publication = publicationOf(call);
  const checked = await checkProposal(dependencies, publication);
  if (checked.kind === 'refused') return checked;
  const found = await dependencies.backtest(checked);
  const lines = [...checked.warnings.map((warning) => `Look at ${warning}`), ...found];
  return { kind: 'planned', plan: planPublication(publication, checked, lines) };
}

async function execute(dependencies: ProposalDependencies, call: ApprovedCall): Promise<ExecutionOutcome> {
  const publication = publicationOf(call);
  const fingerprint = fingerprintOf(publication);
  if (call.approvedPlan.fingerprint !== fingerprint)
    return { kind: 'drifted', detail: 'The plan is about another publication.' };
  const checked = await checkProposal(dependencies, publication);
  if (checked.kind === 'refused') return refusedRun(checked);
  // What a backtest finds is another thing every day: it informs, and decides nothing.
  const misstated = misstatement(call.approvedPlan, planPublication(publication, checked, []));
  if (misstated !== null) return { kind: 'drifted', detail: misstated };
  try {
    const installed = await activate(dependencies, call, checked);
    if (!installed) return { kind: 'drifted', detail: 'Another policy was published meanwhile.' };
    const { digest, generation } = installed;
    return { kind: 'succeeded', fingerprint, result: { digest, generation } };
  } catch (error) {
    // Raised before the commit, which therefore never comes.
    if (isKeyturnError(error) && error.code === 'policy_invalid')
      return { kind: 'failed', code: error.code, detail: error.message };
    throw error;
  }
}

/** The active policy is another one now: a new plan says what that means. Anything else lasts. */
function refusedRun({ code, detail }: { readonly code: string; readonly detail: string }): ExecutionOutcome {
  return code === 'policy_base_changed' ? { kind: 'drifted', detail } : { kind: 'failed', code, detail };
}

/** Null when the base is not the active policy any more: then nothing was written. */
async function activate(
  { source }: PolicyConnectorOptions,
  call: ApprovedCall,
  { candidate: policy, sources }: CheckedProposal,
): Promise<InstalledPolicy | null> {
  const { candidate, base } = publicationOf(call);
  return source.transaction(async (manager) => {
    const active = await lockActiveSet(manager);
    if (active?.digest !== base) return null;
    const installed = await activatePolicy(manager, active, {
      policy,
      sources,
      digest: candidate,
      at: new Date().toISOString(),
      installedBy: `request ${call.requestId}`,
      actor: SYSTEM_ACTOR,
      facts: { request: call.requestId },
    });
    const use = { key: call.idempotencyKey, request: call.requestId, activated: installed };
    if (!(await useKey(manager, use)))
      throw new KeyturnError('illegal_move', 'This execution was given up, or is done already.');
    await call.beforeCommit({ transactionId: await ownTransactionId(manager), within: manager });
    return installed;
  });
}

/** The first use of the key decides: a row of ours means that the activation can never commit any more. */
async function probe({ source }: PolicyConnectorOptions, call: ProbeCall): Promise<ProbeOutcome> {
  const key = call.idempotencyKey;
  if (await useKey(source.manager, { key, request: call.requestId, activated: null })) return 'not_done';
  const activation = await readActivation(source.manager, key);
  if (activation === undefined) return 'unknown';
  return activation === null ? 'not_done' : 'done';
}
