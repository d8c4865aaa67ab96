/** One thing that was looked at. `attention`: it works, and somebody should know all the same. */
export interface TargetFinding {
  readonly check: string;
  readonly outcome: 'ok' | 'attention' | 'failed';
  readonly detail: string;
  /** SQL that mends it, to be run by the owner of the target's database. */
  readonly run?: readonly string[];
  /** The set-up of targets (`target-setup.sql`) mends it. */
  readonly isSetUpMissing?: true;
}

/** All is well with what was looked at. */
export function good(check: string, detail: string): TargetFinding {
  return { check, outcome: 'ok', detail };
}

/** No statement can be planned or executed like this. */
export function failed(check: string, detail: string, run: readonly string[] = []): TargetFinding {
  return { check, outcome: 'failed', detail, run };
}

/** It works, with less than there could be. */
export function attention(check: string, detail: string, run: readonly string[] = []): TargetFinding {
  return { check, outcome: 'attention', detail, run };
}

/** The findings among what was looked for. */
export function found(looked: readonly (TargetFinding | false)[]): readonly TargetFinding[] {
  return looked.filter((finding) => finding !== false);
}

/** What was found about one thing, or that it is good. */
export function orGood(
  looked: readonly (TargetFinding | false)[],
  check: string,
  detail: string,
): readonly TargetFinding[] {
  const findings = found(looked);
  return findings.length > 0 ? findings : [good(check, detail)];
}
