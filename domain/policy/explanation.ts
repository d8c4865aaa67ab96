import { canonicalJson, type JsonValue } from '../crypto/canonical-json.ts';
import { requirementDigest } from '../request/digests.ts';
import { directoryDigest } from '../identity/directory-digest.ts';
import type { Directory } from '../identity/directory.ts';
import type { Evaluation } from './evaluation.ts';
import { ENGINE } from '../conditions/profile.ts';

/** What an evaluation said, as it is kept beside its facts. Read back from storage, any field may be missing. */
export type RecordedOutcome = Readonly<Record<string, JsonValue>>;

/** An evaluation as it is kept: everything that evaluating the same facts once more must give again. */
function outcomeOf({ effect, risk, requirement, rules, ...rest }: Evaluation): RecordedOutcome {
  const outcome = {
    effect,
    risk: risk.tier,
    risk_score: risk.score,
    risk_reasons: risk.reasons,
    requirement_digest: requirement && requirementDigest(requirement),
    requirement,
    rules,
    ...rest,
    engine: ENGINE,
  };
  // Through JSON, as storing it does: what is undefined is absent there.
  return JSON.parse(JSON.stringify(outcome)) as RecordedOutcome;
}

/** An evaluation as it is kept, with the engine that made it and the directory that people were judged by. */
export function recordedOutcome(evaluation: Evaluation, directory: Directory): RecordedOutcome {
  return { ...outcomeOf(evaluation), directory_digest: directoryDigest(directory) };
}

/**
 * The fields in which what was recorded differs from what the same policy says of the same facts now, sorted; none
 * means that the record is proven. A field that only one of them has differs.
 */
export function differencesOf(recorded: RecordedOutcome, evaluation: Evaluation): readonly string[] {
  const fresh = outcomeOf(evaluation);
  const names = [...new Set([...Object.keys(recorded), ...Object.keys(fresh)])].sort();
  return names.filter((name) => !NAMED_APART.has(name) && formOf(recorded, name) !== formOf(fresh, name));
}

/** Which engine and directory it was is told on its own: another one is no difference in what it came to. */
const NAMED_APART: ReadonlySet<string> = new Set(['engine', 'directory_digest']);

/** What a record says of the engine that it was made with; null where it says nothing. */
export function recordedEngine({ engine }: RecordedOutcome): JsonValue {
  return engine ?? null;
}

/** True when a record names another engine than the one that is here, or none: what that would say now cannot be told. */
export function isOtherEngine(recorded: RecordedOutcome): boolean {
  return formOf(recorded, 'engine') !== canonicalJson({ ...ENGINE });
}

/** Text that is equal for equal values only; null for none. */
function formOf(outcome: RecordedOutcome, name: string): string | null {
  if (!Object.hasOwn(outcome, name)) return null;
  try {
    return canonicalJson(outcome[name]);
  } catch {
    // Never recorded by us: a value that has no canonical form agrees with nothing.
    return 'no canonical form';
  }
}
