import type { JudgedGround } from '../../../database/gate-answers.ts';
import type { GateAsked } from './gate-call.ts';

/** What an answer is judged by: while it is recorded, none of it may change. */
export function groundOf({ call, ground }: Pick<GateAsked, 'call' | 'ground'>): JudgedGround {
  const { policy, directoryGeneration } = call.caller;
  return {
    policy_digest: policy.digest,
    directory_generation: directoryGeneration,
    switches: ground.switches.map(({ id }) => id),
  };
}
