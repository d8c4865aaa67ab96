import { z } from 'zod';

import { NAMES } from './names.ts';
import { count, instant, statusSchema, text } from './values.ts';

const approverSchema = z
  .object({ id: text('Id of the person in the directory'), name: text('Name of the person') })
  .describe('A person who may approve')
  .register(NAMES, { id: 'Candidate' });

/** Who may approve a stage. */
export const approversSchema = z
  .object({
    count: count('How many people'),
    people: z.array(approverSchema).describe('The first of them by name'),
  })
  .describe(
    'People who may approve the stage now and have not decided, without those behind the request. Absent for stages that are not open, and for readers who may not see it',
  )
  .register(NAMES, { id: 'Candidates' });

const freezeSchema = z
  .object({
    id: text('Id of the freeze in the policy'),
    title: text('What it is, for people'),
    until: instant('Its end'),
  })
  .describe('A freeze')
  .register(NAMES, { id: 'Freeze' });

/** What holds a request back, whatever its approvals. */
export const freezesSchema = z
  .array(freezeSchema)
  .describe('Freezes in force that hold it back once it is approved, while it is open. Absent: none');

const earlierSchema = z
  .object({
    id: text('Id of the earlier request'),
    status: statusSchema.describe('How it ended'),
    created_at: instant('When it was created'),
  })
  .describe('An earlier request for the same')
  .register(NAMES, { id: 'EarlierRequest' });

/** How the same ended when it was requested before. */
export const earlierRefusalsSchema = z
  .object({
    count: count('How many earlier requests ended so'),
    withdrawn: count('How many of them were withdrawn before anybody decided (`cancelled`)'),
    latest: z.array(earlierSchema).describe('The latest of them, newest first'),
  })
  .describe('The same, requested before by the same people: denied, expired, or withdrawn undecided')
  .register(NAMES, { id: 'EarlierRefusals' });
