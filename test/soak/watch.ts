import { pause } from '../../scripts/servers/process.ts';
import { familyOf, residentMiB, togetherMiB } from '../bench/processes.ts';
import { testPostgresPid } from '../stack/databases.ts';
import type { Program } from '../stack/program.ts';
import type { Stack } from '../stack/stack.ts';

const EVERY_MS = 5_000;

/** Memory at a moment, in MiB. */
export interface Sample {
  readonly atMs: number;
  readonly workersMiB: number;
  readonly apisMiB: number;
  readonly serverMiB: number;
  readonly databaseMiB: number;
}

/** Looks at the memory of all until it is told to stop. A moment at which a program is down is left out. */
export async function watchMemory(stack: Stack, signal: AbortSignal): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  while (!signal.aborted) {
    if ([...stack.apis, ...stack.workers].every((program) => program.isRunning())) {
      const server = stack.temporalService.server?.pid();
      samples.push({
        atMs: performance.now(),
        workersMiB: residentOf(stack.workers),
        apisMiB: residentOf(stack.apis),
        serverMiB: server === undefined ? Number.NaN : togetherMiB([server]),
        databaseMiB: togetherMiB(familyOf(testPostgresPid())),
      });
    }
    await pause(EVERY_MS, undefined, { signal }).catch(() => {});
  }
  return samples;
}

function residentOf(programs: readonly Program[]): number {
  return programs.reduce((sum, program) => sum + residentMiB(program.pid()), 0);
}

/** MiB a minute, by least squares, of a memory after the first third of the run, in which everything warms up. */
export function slope(samples: readonly Sample[], read: (sample: Sample) => number): number {
  const kept = samples.slice(Math.floor(samples.length / 3));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, each) => sum + each, 0) / values.length;
  const [minutes, mebibytes] = [kept.map(({ atMs }) => atMs / 60_000), kept.map(read)];
  const [meanMinute, meanMiB] = [mean(minutes), mean(mebibytes)];
  const above = mean(
    minutes.map((minute, index) => (minute - meanMinute) * ((mebibytes[index] ?? 0) - meanMiB)),
  );
  return above / mean(minutes.map((minute) => (minute - meanMinute) ** 2));
}
