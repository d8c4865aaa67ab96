import { z } from 'zod';

import { NAMES } from './names.ts';
import { count, instant, text } from './values.ts';

/**
 * What Temporal keeps about the workflow of a request, for people who look into why it stands still. Everybody who may write
 * to the namespace can choose these names: they are no facts of Keyturn.
 */
const eventSchema = z
  .object({
    id: count('Number of the event in the history, from 1'),
    type: text('Type of the event, as Temporal names it, e.g. `ActivityTaskScheduled`'),
    name: text(
      'Type of the activity or workflow, name of the signal or marker, or id of the timer that it is about. Null: of none',
    ).nullable(),
    at: instant('When it happened, by the clock of Temporal').nullable(),
    attempt: count('Which attempt it was, from 1. Null: it is none').nullable(),
    failure: text(
      'Type of its failure, or of that of the attempt before. Null: none. Never its message',
    ).nullable(),
  })
  .describe('An event of the workflow, without its contents')
  .register(NAMES, { id: 'WorkflowEvent' });

const activitySchema = z
  .object({
    name: text('Type of the activity'),
    attempt: count('Which attempt it is, from 1'),
    failure: text('Type of the failure of the attempt before. Null: none').nullable(),
    next_at: instant('When it is tried again. Null: it runs, or waits for a worker').nullable(),
  })
  .describe('An activity that is not over: its attempts are not yet in the history')
  .register(NAMES, { id: 'PendingActivity' });

export const workflowEventsSchema = z
  .object({
    status: text(
      'How the workflow stands, as Temporal names it, e.g. `RUNNING`. Null: Temporal does not have it (any more)',
    ).nullable(),
    items: z.array(eventSchema).describe('The oldest first'),
    activities: z.array(activitySchema).describe('Activities that are not over'),
    is_cut: z.boolean().describe('True where there are more events than are read: the Temporal UI shows all'),
  })
  .describe('What Temporal keeps about the workflow of a request')
  .register(NAMES, { id: 'WorkflowEvents' });

export type WorkflowEvents = z.infer<typeof workflowEventsSchema>;
