import { z } from 'zod';

import { NAMES } from './names.ts';
import { TEXTS } from './texts.ts';
import { count, logInstant, requestIdSchema, statusSchema, text } from './values.ts';

/** The stream of changes of the HTTP interface (see requests.ts). */

/** GET /v1/events */
export const eventsQuerySchema = z.strictObject({
  request: requestIdSchema.optional().describe('Only changes of this request: `req_` and 26 characters'),
});

/** The `data` of a `request.changed` event. */
export const changeSchema = z
  .object({
    entry: count(TEXTS.changeEntry),
    request: text('Id of the request'),
    type: text('Type of the audit entry, e.g. `request.pending`; more may come'),
    at: logInstant('When it changed'),
    status: statusSchema.optional().describe(TEXTS.changeStatus),
  })
  .describe('The `data` of a `request.changed` event, as JSON')
  .register(NAMES, { id: 'Change' });

export type Change = z.infer<typeof changeSchema>;
