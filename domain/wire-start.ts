import { z } from 'zod';

const instant = z.iso.datetime({ precision: 3 }).describe('RFC 3339, UTC, milliseconds');
/** What a time that is refused lacks, mostly. */
export const ZONED = 'RFC 3339 with a time zone, such as 2026-11-30T12:00:00Z';

const given = z.iso.datetime({ offset: true, error: ZONED }).max(40);

/** When an approved action may start, as it is asked for. */
export const startBodySchema = z
  .strictObject({ not_before: given.optional(), not_after: given.optional() })
  .describe(
    'When the approved action may start: from the first instant on, and before the second. ' +
      'What is not approved before the second expires then',
  );

/** The same as people read it. */
export const startSchema = z
  .object({ not_before: instant.nullable(), not_after: instant.nullable() })
  .describe('When the approved action may start, as whoever asked set it. Absent: at once');
