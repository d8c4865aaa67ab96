/**
 * The same question, asked at most once at a time and not again before an answer is `holdsMs` old, by the given clock.
 * Other callers meanwhile get that answer, even a failure: anybody may call, and nobody can make extra work.
 */
export function keptAnswer<Answer>(
  ask: () => Promise<Answer>,
  holdsMs: number,
  clockMs: () => number,
): () => Promise<Answer> {
  let kept: Promise<Answer> | null = null;
  let answeredMs: number | null = null;
  const note = (): void => {
    answeredMs = clockMs();
  };
  return () => {
    if (kept !== null && (answeredMs === null || clockMs() - answeredMs < holdsMs)) return kept;
    answeredMs = null;
    kept = ask();
    kept.then(note, note);
    return kept;
  };
}
