import { canonicalJson, type JsonValue } from './canonical-json.ts';
import { requirementDigest } from './digest.ts';
import type { Evaluation } from './evaluation.ts';

/** What an evaluation said, as it is kept beside its facts. Read back from storage, any field may be missing. */
export type RecordedOutcome = Readonly<Record<string, JsonValue>>;

/** An evaluation as it is kept: everything that evaluating the same facts once more must give again. */
export function recordedOutcome({ effect, risk, requirement, rules, ...rest }: Evaluation): RecordedOutcome {
  const outcome = {
    effect,
    risk: risk.tier,
    requirement_digest: requirement && requirementDigest(requirement),
    requirement,
    rules,
    ...rest,
  };
  // Through JSON, as storing it does: what is undefined is absent there.
  return JSON.parse(JSON.stringify(outcome)) as RecordedOutcome;
}

/**
 * The fields in which what was recorded differs from what the same policy says of the same facts now, sorted; none
 * means that the record is proven. A field that only one of them has differs.
 */
export function differencesOf(recorded: RecordedOutcome, evaluation: Evaluation): readonly string[] {
  const fresh = recordedOutcome(evaluation);
  const names = [...new Set([...Object.keys(recorded), ...Object.keys(fresh)])].sort();
  return names.filter((name) => formOf(recorded, name) !== formOf(fresh, name));
}

/** Text that is equal for equal values only; null for none. */
function formOf(outcome: RecordedOutcome, name: string): string | null {
  if (!Object.hasOwn(outcome, name)) return null;
  try {
    return canonicalJson(outcome[name]);
  } catch {
    // Never recorded by us: a value that has no canonical form agrees with nothing.
    return UNREADABLE;
  }
}

const UNREADABLE = 'no canonical form';
