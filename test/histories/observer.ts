import { proxySinks, type Sinks, type WorkflowInterceptorsFactory } from '@temporalio/workflow';

/** One thing that workflow code did: what replay compares by its kind, here with what it was given. */
export type Observation =
  | { readonly kind: 'activity' | 'local activity'; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: 'timer'; readonly duration_ms: number; readonly summary: string | null }
  | { readonly kind: 'completed'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly type: string };

/** How the observations leave the workflow. */
export interface ObserverSinks extends Sinks {
  readonly observer: { saw(observation: Observation): void };
}

const { observer } = proxySinks<ObserverSinks>();

/**
 * Tells what workflow code does. Replay alone does not notice another argument, another duration or another result;
 * one who replays with this does.
 */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  inbound: [
    {
      async execute(input, next) {
        try {
          const result = await next(input);
          observer.saw({ kind: 'completed', result });
          return result;
        } catch (error) {
          observer.saw({ kind: 'failed', type: error instanceof Error ? error.name : 'unknown' });
          throw error;
        }
      },
    },
  ],
  outbound: [
    {
      scheduleActivity(input, next) {
        observer.saw({ kind: 'activity', name: input.activityType, args: input.args });
        return next(input);
      },
      scheduleLocalActivity(input, next) {
        observer.saw({ kind: 'local activity', name: input.activityType, args: input.args });
        return next(input);
      },
      startTimer(input, next) {
        const summary = input.options?.summary ?? null;
        observer.saw({ kind: 'timer', duration_ms: input.durationMs, summary });
        return next(input);
      },
    },
  ],
});
