import { ScheduleNotFoundError, type Client } from '@temporalio/client';
import type { Logger } from 'pino';

/** Where an earlier version may have left something. */
export interface LeftBehind {
  readonly client: Client;
  readonly taskQueue: string;
  readonly log: Logger;
}

/**
 * Removes the schedule by which earlier versions swept: this one sweeps inside of its workers, and has no such workflow.
 * A worker that may not do that works all the same.
 */
export async function removeLeftSchedule({ client, taskQueue, log }: LeftBehind): Promise<void> {
  const schedule = client.schedule.getHandle(`keyturn-sweeper-${taskQueue}`);
  try {
    await schedule.delete();
    log.info({ schedule: schedule.scheduleId }, 'removed the schedule of an earlier version');
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return;
    const err = error instanceof Error ? error.name : 'unknown';
    log.warn({ schedule: schedule.scheduleId, err }, 'could not remove the schedule of an earlier version');
  }
}
