/**
 * The same question, asked at most once at a time and not again before an answer is `holdsMs` old, by the given clock.
 * Whoever asks meanwhile gets that answer, be it a failure: anybody may ask, and none of them makes work.
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
