/** Nothing can happen to these any more. A status that this version does not know is taken as open. */
export const FINISHED: ReadonlySet<string> = new Set([
  'succeeded',
  'failed',
  'indeterminate',
  'revoked',
  'denied',
  'expired',
  'cancelled',
]);

/** People or policy decided about these. */
export const DECIDED: ReadonlySet<string> = new Set([...FINISHED, 'approved', 'executing', 'active']);
