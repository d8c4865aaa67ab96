import type { ChecksBusy } from '../../domain/execution/fair-pool.ts';
import type { PlanRefusal } from './connector.ts';

/** What a request ends with whose check did not end in time. It blames nothing that was sent. */
export function checksBusy(error: ChecksBusy): PlanRefusal {
  return { kind: 'refused', code: 'checks_busy', detail: error.message };
}
