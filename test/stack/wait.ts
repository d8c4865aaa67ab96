import { pause } from '../../scripts/servers/process.ts';

/** How long to wait, and what to say when it was in vain. */
export interface WaitOptions<T> {
  readonly what: string;
  /** Answers the fact once it is one; undefined until then. */
  readonly check: () => Promise<T | undefined>;
  readonly withinMs?: number;
  /** Anything that helps to understand why the fact did not come. */
  readonly explain?: () => Promise<string>;
}

/** Waits for a fact, asking again and again. Never for a length of time. */
export async function waitFor<T>(options: WaitOptions<T>): Promise<T> {
  const withinMs = options.withinMs ?? 60_000;
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const fact = await options.check();
    if (fact !== undefined) return fact;
    if (Date.now() > deadlineMs) break;
    await pause(30);
  }
  const explanation = options.explain ? `: ${await options.explain()}` : '';
  throw new Error(`Waited ${withinMs} ms in vain for ${options.what}${explanation}`);
}
