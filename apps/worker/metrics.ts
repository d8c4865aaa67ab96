import type { Logger } from 'pino';
import { Counter, Histogram } from 'prom-client';

const activityDuration = new Histogram({
  name: 'keyturn_activity_duration_seconds',
  help: 'How long activities take, by name and outcome.',
  labelNames: ['activity', 'outcome'] as const,
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
});

const emergencies = new Counter({
  name: 'keyturn_break_glass_requests_total',
  help: 'Requests that took a break-glass path.',
});

/** Makes an emergency heard by those who watch logs and metrics. */
export function countEmergency(log: Logger, request: string): void {
  emergencies.inc();
  log.warn({ request, is_break_glass: true }, 'an emergency: this request takes a break-glass path');
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
      throw error;
    }
  };
}
