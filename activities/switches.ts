import { SWITCHED_OFF } from '../domain/execution/denial.ts';
import type { Directory } from '../domain/identity/directory.ts';
import { switchesAgainst, type KillSwitch } from '../domain/execution/kill-switch.ts';
import type { RequestRow } from '../database/tables.ts';
import type { StepTransaction } from './record.ts';
import { refuseExecution } from './steps/settle.ts';

/** The first switch that stops a request, or null. */
export function switchAgainst(
  switches: readonly KillSwitch[],
  row: RequestRow,
  directory: Directory,
): KillSwitch | null {
  const { action, target, lineage } = row;
  const [first] = switchesAgainst(switches, { action, target, lineage, agents: directory.agents });
  return first ?? null;
}

/** Ends a request that a switch stops. Why the switch was thrown is not said: requesters read it. */
export async function closeSwitchedOff(
  transaction: StepTransaction,
  thrown: KillSwitch,
): ReturnType<typeof refuseExecution> {
  return refuseExecution(transaction, SWITCHED_OFF, {
    facts: { switch: thrown.id, scope: thrown.scope.kind },
  });
}
