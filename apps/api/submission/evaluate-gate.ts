import type { EntityManager } from 'typeorm';

import { reserveWindowsAtOnce } from '../../../database/policy-facts.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { evaluate } from '../../../domain/policy/evaluation.ts';
import { withResolvedFacts } from '../../../domain/policy/facts.ts';
import { requestFacts } from '../../../domain/policy/request-facts.ts';
import type { GateAsked, Judged } from './gate-call.ts';

/** Asks policy about a gate request. It has no plan, so all its facts exist: this is the phase after planning. */
export async function judgeGate(manager: EntityManager, asked: GateAsked): Promise<Judged> {
  const { call, id, lineage, at, target, ground } = asked;
  const { directory } = call.caller;
  const { policy } = call.caller.policy;
  const { action, mode, break_glass = false } = call.body;
  const args = call.body.arguments as Readonly<Record<string, JsonValue>>;
  const known = { action, target, args, plan: null };
  const facts = withResolvedFacts(
    { policy, directory },
    {
      ...known,
      request: requestFacts(directory, { mode, lineage, break_glass }),
      at: at.toISOString(),
      history: ground.history,
      windows: await reserveWindowsAtOnce(manager, { id, lineage, at, policy, directory, facts: known }),
    },
  );
  return { facts, evaluation: evaluate(policy, facts, 'planned') };
}
