import { ApplicationFailure } from '@temporalio/activity';
import type { Logger } from 'pino';
import { Counter, Gauge, Histogram } from 'prom-client';

import type { Swept } from '../../activities/steps/sweep.ts';

const activityDuration = new Histogram({
  name: 'keyturn_activity_duration_seconds',
  help: 'How long activities take, by name and outcome.',
  labelNames: ['activity', 'outcome'] as const,
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
});

const activityFailures = new Counter({
  name: 'keyturn_activity_failures_total',
  help: 'Runs of activities that failed, by name and code; over_budget and checks_busy are tried again.',
  labelNames: ['activity', 'code'] as const,
});

const breakGlass = new Counter({
  name: 'keyturn_break_glass_requests_total',
  help: 'Requests that took a break-glass path.',
});

const polls = new Counter({
  name: 'keyturn_oncall_polls_total',
  help: 'Questions to services about who is on call, by source and outcome.',
  labelNames: ['source', 'outcome'] as const,
});

const heard = new Gauge({
  name: 'keyturn_oncall_heard_timestamp_seconds',
  help: 'When a service last said who is on call, by rotation. Only from the worker that polls.',
  labelNames: ['rotation'] as const,
});

const unlinked = new Gauge({
  name: 'keyturn_oncall_unlinked_people',
  help: 'Ids of a service in its last answer that nobody of the directory has as an account, by rotation.',
  labelNames: ['rotation'] as const,
});

const heardRotations = new Set<string>();

/** Counts one question to a service. */
export function countPoll(source: string, outcome: 'answered' | 'failed'): void {
  polls.inc({ source, outcome });
}

/** Notes that a service just said who is on call, and how many of its ids are nobody's. */
export function noteHeard(rotation: string, unlinkedCount: number): void {
  heardRotations.add(rotation);
  heard.set({ rotation }, Date.now() / 1_000);
  unlinked.set({ rotation }, unlinkedCount);
}

/** Forgets all rotations but these: another worker polls them, or policy names them no more. */
export function forgetRotations(but: ReadonlySet<string> = new Set()): void {
  for (const rotation of [...heardRotations].filter((known) => !but.has(known))) {
    heardRotations.delete(rotation);
    heard.remove({ rotation });
    unlinked.remove({ rotation });
  }
}

/** Shows a break-glass request to those who watch logs and metrics. */
export function countBreakGlass(log: Logger, request: string): void {
  breakGlass.inc();
  log.warn({ request, is_break_glass: true }, 'this request takes a break-glass path');
}

const lastSweep = new Gauge({
  name: 'keyturn_sweep_last_timestamp_seconds',
  help: 'When this worker last swept. One worker at a time does: take the newest of all.',
});

const swept = new Counter({
  name: 'keyturn_sweep_found_total',
  help: 'Requests that a sweep found: without a workflow, overdue, or with a claim that nobody looked after.',
  labelNames: ['what'] as const,
});

const openClaims = new Gauge({
  name: 'keyturn_sweep_open_claims',
  help: 'Requests in the last sweep of this worker that are not being executed though a claim on them is open.',
});

const wedgedRequests = new Gauge({
  name: 'keyturn_sweep_wedged_requests',
  help: 'Requests in the last sweep of this worker that are approved or executing, not held, and do not move.',
});

const kept = new Counter({
  name: 'keyturn_kept_messages_consumed_total',
  help: 'Requests with acknowledged decisions or withdrawals that their workflow did not get to, or got to later.',
});

/** Notes a sweep and what it found. */
export function noteSweep({ orphaned, overdue, settled, wedged, hidden }: Swept): void {
  lastSweep.set(Date.now() / 1_000);
  swept.inc({ what: 'orphaned' }, orphaned.length);
  swept.inc({ what: 'overdue' }, overdue.length);
  swept.inc({ what: 'settled' }, settled.length);
  wedgedRequests.set(wedged.length);
  openClaims.set(hidden.length);
}

/** Counts requests for which acknowledged messages were consumed beside their workflow. */
export function countKept(count: number): void {
  kept.inc(count);
}

type Activity = (...input: never[]) => Promise<unknown>;

/** The same activities, each run timed. */
export function measureActivities<Activities extends Record<string, Activity>>(
  activities: Activities,
): Activities {
  return Object.fromEntries(
    Object.entries(activities).map(([name, activity]) => [name, measured(name, activity)]),
  ) as Activities;
}

function measured(name: string, activity: Activity): Activity {
  return async (...input) => {
    const stop = activityDuration.startTimer({ activity: name });
    try {
      const output = await activity(...input);
      stop({ outcome: 'completed' });
      return output;
    } catch (error) {
      stop({ outcome: 'failed' });
      activityFailures.inc({ activity: name, code: codeOf(error) });
      throw error;
    }
  };
}

/** Activities fail with a code, never with the text of a database or target. */
function codeOf(error: unknown): string {
  return (error instanceof ApplicationFailure ? error.type : null) ?? 'unknown';
}
