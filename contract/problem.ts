import { z } from 'zod';

import { NAMES } from './names.ts';
import { count, text } from './values.ts';

const locationSchema = z
  .object({
    path: text('JSON Pointer into the body or the query'),
    message: text('What is wrong there, for people'),
  })
  .describe('One thing that is wrong')
  .register(NAMES, { id: 'ProblemError' });

/** An error (RFC 9457). `code` is stable; words may change. */
export const problemSchema = z
  .object({
    type: text('`urn:keyturn:error:` and the code'),
    title: text('The phrase of the HTTP status'),
    status: count('The HTTP status'),
    code: text('A stable word that programs go by; more may come'),
    detail: text('What is wrong and what to do, for people. The words may change'),
    instance: z.string().optional().describe('Names this error in the log. `urn:uuid:` and a UUID'),
    request_id: z.string().optional().describe('The X-Request-Id of this answer'),
    errors: z.array(locationSchema).optional().describe('Everything that is wrong, up to 20'),
  })
  .describe('An error (RFC 9457, `application/problem+json`)')
  .register(NAMES, { id: 'Problem' });

/** An error, as it is answered. */
export type Problem = z.infer<typeof problemSchema>;
