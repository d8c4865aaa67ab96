import { z } from 'zod';

import { NAMES } from './names.ts';
import { count, flag, instant, milliseconds, text, texts } from './values.ts';

const pollerSchema = z
  .object({
    identity: text('Process and host of the worker, as Temporal knows it'),
    seen_at: instant('When it last asked for work').nullable(),
  })
  .describe('A worker that takes work')
  .register(NAMES, { id: 'Poller' });

const queueSchema = z
  .object({
    kind: z
      .enum(['workflow', 'activity'])
      .describe('workflow: steps of workflows; activity: dry runs, executions and probes'),
    workers: z.array(pollerSchema).describe('Workers that asked for work within the last minutes'),
    backlog: count('Tasks that wait for a worker, about'),
    oldest_ms: milliseconds('For how long the oldest of them waits, about'),
  })
  .describe('A queue of work at Temporal')
  .register(NAMES, { id: 'WorkQueue' });

const sweepSchema = z
  .object({
    at: instant('When it ended'),
    checked: count('How many requests it compared with their workflows'),
  })
  .describe('A sweep')
  .register(NAMES, { id: 'Sweep' });

const findingSchema = z
  .object({
    what: z
      .enum(['orphaned', 'overdue', 'wedged', 'settled', 'hidden', 'unreceived'])
      .describe(
        'orphaned: their workflow was gone, so they were closed; overdue: closed since their workflow did not get on; wedged: approved or executing, and they do not move; settled: the target was asked what their workflow did not ask; hidden: not executing, and with an open claim; unreceived: messages are kept for them, and they were never received',
      ),
    at: instant('The last sweep that found any'),
    requests: texts('Their ids, at most 500'),
  })
  .describe('What a sweep found')
  .register(NAMES, { id: 'SweepFinding' });

const freezeSchema = z
  .object({
    id: text('Id of the freeze in the policy'),
    title: text('What it is, for people'),
    from: instant('Its first instant'),
    to: instant('The first instant after it'),
    environments: texts('Environments that it holds back').nullable().describe('Null: all of them'),
    actions: texts('Actions that it holds back').nullable().describe('Null: all of them'),
    is_in_force: flag('It holds back now'),
  })
  .describe('A freeze of the active policy')
  .register(NAMES, { id: 'PolicyFreeze' });

/** GET /v1/health */
export const systemHealthSchema = z
  .object({
    at: instant('When this was looked at'),
    queues: z
      .array(queueSchema)
      .nullable()
      .describe('The queues of the workers. Null: Temporal does not answer'),
    sweep: sweepSchema.nullable().describe('The last sweep of a worker. Null: there was none'),
    findings: z.array(findingSchema).describe('What sweeps found last, of each kind, newest first'),
    overdue: texts('Ids of requests that are past what may be waited for, and not yet closed. At most 500'),
    wedged: texts(
      'Ids of requests that are approved or executing, held by nothing, and do not move. At most 500',
    ),
    feed_lag_ms: milliseconds('How late the last change reached the API process that answers')
      .nullable()
      .describe('Null: none since it began'),
    freezes: z
      .array(freezeSchema)
      .describe('Freezes of the active policy that are not over, the next one first'),
  })
  .describe('How the parts of Keyturn are')
  .register(NAMES, { id: 'SystemHealth' });

/** How the parts of Keyturn are. */
export type SystemHealth = z.infer<typeof systemHealthSchema>;
