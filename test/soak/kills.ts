import { pause } from '../../scripts/servers/process.ts';
import { cpuMs } from '../bench/processes.ts';
import type { Program } from '../stack/program.ts';

/** A program that was killed, by the driver's monotonic clock. */
export interface Kill {
  readonly name: string;
  readonly atMs: number;
  /** Until it answered again. */
  readonly awayMs: number;
}

/** Kills one program after the other with SIGKILL, each period, and starts it again. */
export class Kills {
  readonly done: Kill[] = [];
  readonly #programs: readonly Program[];
  readonly #stopping = new AbortController();
  /** Of processes that were killed. */
  #pastCpuMs = 0;

  constructor(programs: readonly (Program | undefined)[]) {
    this.#programs = programs.filter((program) => program !== undefined);
  }

  /** Until `stop`; a program that was just killed is started before this resolves. A period of 0 kills nobody. */
  async run(periodSeconds: number): Promise<void> {
    if (periodSeconds === 0) return;
    for (let turn = 0; await this.#isDue(periodSeconds); turn += 1) {
      const victim = this.#programs[turn % this.#programs.length];
      if (!victim) return;
      const atMs = performance.now();
      this.#pastCpuMs += cpuMs([victim.pid()]);
      await victim.kill9();
      await victim.start();
      this.done.push({ name: victim.name, atMs, awayMs: performance.now() - atMs });
    }
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** CPU of all programs so far, of those that are gone too. */
  cpuMs(): number {
    return this.#pastCpuMs + cpuMs(this.#programs.map((program) => program.pid()));
  }

  async #isDue(periodSeconds: number): Promise<boolean> {
    const { signal } = this.#stopping;
    const untilMs = performance.now() + periodSeconds * 1_000;
    while (!signal.aborted && performance.now() < untilMs) await pause(100);
    return !signal.aborted;
  }
}
