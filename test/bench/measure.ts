/** Latencies of one phase, milliseconds, and how long the phase took. */
export interface Phase {
  readonly latenciesMs: readonly number[];
  readonly elapsedMs: number;
}

/** Runs `count` calls with `callers` of them in flight at any time. */
export async function closedLoop(
  callers: number,
  count: number,
  call: (index: number) => Promise<unknown>,
): Promise<Phase> {
  const latenciesMs: number[] = [];
  let next = 0;
  const startedAt = performance.now();
  const caller = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      const calledAt = performance.now();
      await call(index);
      latenciesMs.push(performance.now() - calledAt);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { latenciesMs, elapsedMs: performance.now() - startedAt };
}

/** The value below which `share` of the latencies lie. */
export function quantile(latenciesMs: readonly number[], share: number): number {
  const sorted = [...latenciesMs].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The median: rounds are interleaved, so a slow moment of the machine touches both sides. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Phases of several rounds as one. */
export function together(phases: readonly Phase[]): Phase {
  return {
    latenciesMs: phases.flatMap((phase) => phase.latenciesMs),
    elapsedMs: phases.reduce((sum, phase) => sum + phase.elapsedMs, 0),
  };
}

/** Calls per second of a phase. */
export function perSecond(phase: Phase): number {
  return (phase.latenciesMs.length * 1_000) / phase.elapsedMs;
}
