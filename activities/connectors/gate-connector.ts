import { digestOf } from '../../domain/crypto/digest.ts';
import type { GateResult } from '../../domain/execution/gate-validity.ts';
import type { Plan } from '../../domain/request/plan.ts';
import { misstatement } from './approved-plan.ts';
import type { ApprovedCall, Connector, ConnectorCall, ExecutionOutcome } from './connector.ts';

/**
 * Stands in for a connector where an action has none: Keyturn decides, somebody else executes. Touches nothing, so
 * whatever it does may be done again.
 */
export const gateConnector: Connector = {
  plan: async (call) => ({ kind: 'planned', plan: planOf(call) }),
  execute: async (call) => answer(call),
  // Nothing was executed: the next claim checks again whether the approval still holds, and gives the answer.
  probe: async () => 'not_done',
};

/** Nothing is previewed, so nothing is claimed about effects: people decide on the exact words of the request. */
function planOf(call: ConnectorCall): Plan {
  const { action, target } = call;
  return {
    connector: 'gate',
    summary: `a decision on ${action} for ${target.title} (${target.id}, ${target.environment})`,
    operation: JSON.stringify(call.arguments, null, 2),
    effects: [],
    warnings: [
      'Keyturn neither previews nor performs this action: whoever asked performs it, with what is approved here.',
    ],
    risk_facts: {
      rows_changed: 0,
      resources_changed: 0,
      is_destructive: false,
      is_fully_previewed: false,
      is_reversible: false,
    },
    reversal: { is_possible: false, how: 'Keyturn does not perform it, so it cannot undo it.' },
    fingerprint: digestOf({ action, target: target.id, arguments: call.arguments }),
    locks_held_ms: 0,
  };
}

function answer(call: ApprovedCall): ExecutionOutcome {
  const found = planOf(call);
  const { fingerprint } = found;
  if (fingerprint !== call.approvedPlan.fingerprint || misstatement(call.approvedPlan, found) !== null) {
    return { kind: 'drifted', detail: 'The request is not the one that was approved.' };
  }
  if (call.decision === undefined) {
    return { kind: 'failed', code: 'no_decision', detail: 'There is no decision to answer with.' };
  }
  const result: GateResult = { ...call.decision, performed_by_keyturn: false };
  return { kind: 'succeeded', fingerprint, result };
}
