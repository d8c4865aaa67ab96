import { z } from 'zod';

import { REQUEST_STATUSES } from './request.ts';

const instant = z.iso.datetime({ precision: 3 }).describe('RFC 3339, UTC, milliseconds');

/** Who may approve a stage. */
export const candidatesSchema = z
  .object({
    count: z.int(),
    people: z.array(z.object({ id: z.string(), name: z.string() })).describe('The first of them by name'),
  })
  .describe(
    'People who may approve it now and have not decided, without those behind the request. Absent for stages that are not open, and for readers who may not see it',
  );

/** What holds a request back, whoever approves it. */
export const freezesSchema = z
  .array(z.object({ id: z.string(), title: z.string(), until: instant }))
  .describe('Freezes in force that hold it back once it is approved, while it is open. Absent: none');

/** How the same ended when it was requested before. */
export const earlierRefusalsSchema = z
  .object({
    count: z.int(),
    withdrawn: z.int().describe('How many of them were withdrawn before anybody decided (`cancelled`)'),
    latest: z.array(
      z.object({
        id: z.string(),
        status: z.enum(REQUEST_STATUSES as [(typeof REQUEST_STATUSES)[number]]),
        created_at: instant,
      }),
    ),
  })
  .describe('The same, asked before by the same people: denied, expired, or withdrawn undecided');
