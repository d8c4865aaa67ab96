import type { Swept } from '../activities/index.ts';
import { housekeeping } from './activities.ts';

/** Run by a schedule: closes and reports requests whose workflow is gone. */
export async function sweeper(input: { readonly quiet_ms: number }): Promise<Swept> {
  return housekeeping.sweep({ quiet_ms: input.quiet_ms });
}
