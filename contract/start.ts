import { z } from 'zod';

import { NAMES } from './names.ts';
import { instant } from './values.ts';

/** What a time that is refused lacks, mostly. */
export const ZONED = 'RFC 3339 with a time zone, such as 2026-11-30T12:00:00Z';

const given = z.iso.datetime({ offset: true, error: ZONED }).max(40);

/** When an approved action may start, as it is asked for. */
export const startBodySchema = z
  .strictObject({
    not_before: given.optional().describe(`Not before this instant. ${ZONED}`),
    not_after: given
      .optional()
      .describe(`Before this instant: what is not approved by then expires. ${ZONED}`),
  })
  .describe('When the approved action may start: from the first instant on, and before the second')
  .register(NAMES, { id: 'StartBody' });

/** The same as people read it. */
export const startSchema = z
  .object({
    not_before: instant('Not before this instant. Null: at once').nullable(),
    not_after: instant('Before this instant. Null: at any time').nullable(),
  })
  .describe('When the approved action may start, as the requester set it. Absent: at once')
  .register(NAMES, { id: 'StartWindow' });
