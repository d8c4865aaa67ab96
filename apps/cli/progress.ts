/** A command that answers sooner shows no progress. */
const SILENT_MS = 1_500;
const TICK_MS = 1_000;

const CLEARED = '\r\u001B[2K';

/** One line on standard error that says what a command waits for, and for how long. */
export class Progress {
  readonly #stream: Pick<NodeJS.WriteStream, 'write'>;
  readonly #started = Date.now();
  #what = 'Working';
  #isShown = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(stream: Pick<NodeJS.WriteStream, 'write'>) {
    this.#stream = stream;
    this.resume();
  }

  say(what: string): void {
    this.#what = what;
  }

  /** Clears the line: something else is written. */
  clear(): void {
    if (this.#isShown) this.#stream.write(CLEARED);
    this.#isShown = false;
  }

  /** Writes nothing while something else uses the terminal. */
  pause(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    this.clear();
  }

  /** Continues after a pause. */
  resume(): void {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  #tick(): void {
    const waited = Date.now() - this.#started;
    if (waited < SILENT_MS) return;
    this.#stream.write(`${CLEARED}${this.#what} (${Math.round(waited / 1000)}s)`);
    this.#isShown = true;
  }
}
