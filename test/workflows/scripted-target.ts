import type {
  ApprovedCall,
  Connector,
  ConnectorCall,
  ExecutionOutcome,
  PlanOutcome,
  ProbeCall,
  ProbeOutcome,
} from '../../activities/connectors/connector.ts';
import { digestOf } from '../../domain/crypto/digest.ts';
import type { Plan } from '../../domain/request/plan.ts';

/**
 * A target that does what the statement says, such as `drift`, `refuse`, `unreachable` or `rows 100`; everything else succeeds. It
 * stands where only the connector differs; what a real target does is tested with the real connector.
 */
export class ScriptedTarget implements Connector {
  /** Requests whose effect was made, each time it was made. */
  readonly effects: string[] = [];
  readonly planned: string[] = [];
  readonly #drifted = new Set<string>();
  readonly #fenced = new Set<string>();
  #gate: Promise<void> = Promise.resolve();

  /** Holds every execution at its start until the returned function is called. */
  holdExecutions(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return resolve;
  }

  async plan(call: ConnectorCall): Promise<PlanOutcome> {
    const script = scriptOf(call);
    this.planned.push(call.requestId);
    if (script === 'unreachable') throw new Error('no route to the target');
    if (script === 'refuse') return { kind: 'refused', code: 'not_one_statement', detail: 'two statements' };
    return { kind: 'planned', plan: this.#planOf(call) };
  }

  async execute(call: ApprovedCall): Promise<ExecutionOutcome> {
    await this.#gate;
    const script = scriptOf(call);
    if (script === 'drift' && !this.#drifted.has(call.requestId)) {
      this.#drifted.add(call.requestId);
      return { kind: 'drifted', detail: 'the row is another one now' };
    }
    if (script === 'fail') return { kind: 'failed', code: 'constraint', detail: 'a check failed' };
    await call.beforeCommit({ transactionId: '7' });
    if (this.#fenced.has(call.idempotencyKey)) throw new Error('this key was fenced off');
    this.effects.push(call.requestId);
    return { kind: 'succeeded', fingerprint: call.approvedPlan.fingerprint, result: { rows: 1 } };
  }

  async probe(call: ProbeCall): Promise<ProbeOutcome> {
    if (this.effects.includes(call.requestId)) return 'done';
    this.#fenced.add(call.idempotencyKey);
    return 'not_done';
  }

  /** After a drift the same statement has another effect. */
  #planOf(call: ConnectorCall): Plan {
    const effect = [scriptOf(call), this.#drifted.has(call.requestId)];
    return {
      connector: 'postgres.execute',
      summary: 'Updates 1 row of account',
      operation: scriptOf(call),
      effects: [
        {
          resource: 'public.account',
          inserted: 0,
          updated: 1,
          deleted: 0,
          rows: [{ key: '1001', before: { credit_limit: '500' }, after: { credit_limit: '750' } }],
          assigned_columns: [],
          is_counts_only: false,
        },
      ],
      warnings: [],
      risk_facts: {
        rows_changed: Number(/^rows (\d+)$/.exec(scriptOf(call))?.[1] ?? 1),
        resources_changed: 1,
        is_destructive: false,
        is_fully_previewed: true,
        is_reversible: true,
      },
      reversal: { is_possible: true, how: 'set the old value' },
      fingerprint: digestOf(effect),
      locks_held_ms: 1,
    };
  }
}

function scriptOf(call: ConnectorCall): string {
  const { statement } = call.arguments;
  return typeof statement === 'string' ? statement : '';
}
