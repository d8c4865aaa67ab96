import type { RequestSummary } from '../../../contract/requests.ts';
import classes from './pills.module.css';

type Status = Pick<RequestSummary, 'status' | 'denied_by' | 'failure' | 'mode'>;

/** How a request stands, in words and in colour. */
export function StatusPill({ request }: { readonly request: Status }) {
  return (
    <span className={classes.pill} data-tone={TONES[request.status] ?? 'quiet'}>
      {statusWords(request)}
    </span>
  );
}

/** How risky policy holds it to be. */
export function RiskPill({ risk }: { readonly risk: NonNullable<RequestSummary['risk']> }) {
  return (
    <span className={classes.pill} data-tone={RISK_TONES[risk]}>
      {risk} risk
    </span>
  );
}

/** The path on which fewer people decide. */
export function BreakGlassPill() {
  return (
    <span className={classes.pill} data-tone="alarm">
      break-glass
    </span>
  );
}

/** `denied by policy`, `failed (target_error)`. What Keyturn does not perform is never called done. */
export function statusWords({ status, denied_by: deniedBy, failure, mode }: Status): string {
  if (status === 'denied' && deniedBy !== null)
    return `denied by ${failure?.code === 'switched_off' ? 'a kill switch' : deniedBy === 'person' ? 'a person' : 'policy'}`;
  if (mode === 'gate' && status === 'succeeded') return 'decision given out';
  if (status === 'cancelled') return 'withdrawn';
  return failure === null ? status : `${status} (${failure.code})`;
}

const TONES: Readonly<Record<string, string>> = {
  planning: 'quiet',
  pending: 'waiting',
  approved: 'going',
  executing: 'going',
  active: 'going',
  succeeded: 'good',
  failed: 'bad',
  indeterminate: 'alarm',
  denied: 'bad',
  expired: 'quiet',
  cancelled: 'quiet',
  revoked: 'quiet',
};

const RISK_TONES = { low: 'quiet', medium: 'waiting', high: 'bad', critical: 'alarm' } as const;
