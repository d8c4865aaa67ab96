import { duration } from '../../../domain/cards/words.ts';
import type { SystemHealth } from '../../../contract/system-health.ts';
import { grouped } from '../shown/words.ts';

/** How one part is, and what to do where it is not well. */
export interface PartHealth {
  readonly name: string;
  readonly isWell: boolean;
  readonly text: string;
  readonly advice?: string;
}

type Queue = NonNullable<SystemHealth['queues']>[number];

/** A worker sweeps once a minute or so. */
const SWEEP_LATE_MS = 10 * 60_000;
const BACKLOG_LATE_MS = 30_000;
const FEED_LATE_MS = 5_000;

/** All parts, in the order in which work goes through them. */
export function partsOf({ at, queues, sweep, feed_lag_ms: lagMs }: SystemHealth): readonly PartHealth[] {
  return [
    ...(queues === null ? [AWAY] : queues.map(queueHealth)),
    sweepHealth(sweep, Date.parse(at)),
    feedHealth(lagMs),
  ];
}

const AWAY: PartHealth = {
  name: 'Temporal',
  isWell: false,
  text: 'does not answer',
  advice:
    'Nothing is lost, and nothing new starts until it answers again: look at Temporal, and at the network between it and the API.',
};

const WORK: Readonly<Record<Queue['kind'], string>> = {
  workflow: 'Queue of workflows',
  activity: 'Queue of dry runs and executions',
};

function queueHealth({ kind, workers, backlog, oldest_ms: oldestMs }: Queue): PartHealth {
  const name = WORK[kind];
  if (workers.length === 0)
    return {
      name,
      isWell: false,
      text: `no worker takes from it, ${grouped(backlog)} waiting`,
      advice: 'Start a worker. Until then nothing is planned, escalated or executed, and nothing is lost.',
    };
  const isLate = backlog > 0 && oldestMs > BACKLOG_LATE_MS;
  const text = `${workers.length === 1 ? 'one worker' : `${workers.length} workers`}, ${
    backlog === 0 ? 'nothing waits' : `${grouped(backlog)} waiting, the oldest for ${duration(oldestMs)}`
  }`;
  return isLate
    ? { name, isWell: false, text, advice: 'Add workers, or find out in their logs what holds them up.' }
    : { name, isWell: true, text };
}

function sweepHealth(sweep: SystemHealth['sweep'], nowMs: number): PartHealth {
  const advice =
    'No worker sweeps, so what is stuck stays: look in the log of the workers for “no sweep has run here”.';
  if (sweep === null) return { name: 'Sweeper', isWell: false, text: 'has never run', advice };
  const agoMs = nowMs - Date.parse(sweep.at);
  const text = `ran ${duration(agoMs)} ago, compared ${grouped(sweep.checked)} requests with their workflows`;
  return agoMs > SWEEP_LATE_MS
    ? { name: 'Sweeper', isWell: false, text, advice }
    : { name: 'Sweeper', isWell: true, text };
}

function feedHealth(lagMs: number | null): PartHealth {
  const name = 'Change feed';
  if (lagMs === null) return { name, isWell: true, text: 'no change since this API process began' };
  const text = `the last change came after ${lagMs < 1_000 ? `${lagMs} ms` : duration(lagMs)}`;
  return lagMs > FEED_LATE_MS
    ? {
        name,
        isWell: false,
        text,
        advice:
          'Pages and agents see changes late: look at the database and at the load of this API process.',
      }
    : { name, isWell: true, text };
}

type Finding = SystemHealth['findings'][number]['what'];

/** What sweeps find, and what to do about it. */
export const FOUND: Readonly<Record<Finding, string>> = {
  orphaned:
    'Their workflow was gone, so they were closed without approval. Find out in Temporal who ended it; what is still needed has to be requested again.',
  overdue:
    'Their workflow did not get on, so they were closed. What is still needed has to be requested again.',
  wedged:
    'Approved or executing, held by nothing, and not moving: look at their workflow in the Temporal UI.',
  settled: 'Their execution was not looked after by their workflow, so the target was asked.',
  hidden: 'Not executing, and with an open claim all the same: somebody bypasses Keyturn in its database.',
  unreceived:
    'A decision or withdrawal was acknowledged for them, and they were never received. It has to be done again.',
};

/** The same in two words. */
export const FOUND_NAMES: Readonly<Record<Finding, string>> = {
  orphaned: 'Without a workflow',
  overdue: 'Closed as overdue',
  wedged: 'Stalled',
  settled: 'Looked after late',
  hidden: 'Hidden claim',
  unreceived: 'Never received',
};
