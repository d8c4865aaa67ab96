/** One line to a person. */
export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Does a piece of work and says afterwards what was done and how long it took. */
export async function step<T>(what: string | ((result: T) => string), work: () => Promise<T>): Promise<T> {
  const startedMs = Date.now();
  const result = await work();
  const tookSeconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  const done = typeof what === 'string' ? what : what(result);
  say(`  ${done.padEnd(64)} ${tookSeconds.padStart(5)} s`);
  return result;
}

/** A line that belongs to a step still under way. */
export function note(line: string): void {
  say(`    ${line}`);
}
