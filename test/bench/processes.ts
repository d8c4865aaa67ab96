import fs from 'node:fs';

/** Kernel clock ticks a second, fixed on Linux. */
const TICKS_PER_SECOND = 100;

/** CPU time that processes have used so far, in milliseconds. */
export function cpuMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
}

function cpuMsOf(pid: number): number {
  try {
    // Fields 14 and 15: user, system.
    const [user, system] = statFields(pid).slice(11, 13);
    return ((Number(user) + Number(system)) * 1_000) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** What follows the command, which may hold spaces: from field 3 on. */
function statFields(pid: number): readonly string[] {
  return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
}

/** CPU time of a process, of those that it started, and of those of them that have ended, in milliseconds. */
export function familyCpuMs(pid: number): number {
  const ended = statFields(pid).slice(13, 15).map(Number);
  const endedMs = (ended.reduce((sum, ticks) => sum + ticks, 0) * 1_000) / TICKS_PER_SECOND;
  return cpuMs(familyOf(pid)) + endedMs;
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1_024;
}

/**
 * Memory of several processes together in MiB. What they share counts once, which a sum of resident memory would not
 * do: PostgreSQL's processes share their buffers.
 */
export function togetherMiB(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + proportionalMiB(pid), 0);
}

function proportionalMiB(pid: number): number {
  try {
    const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? Number.NaN) / 1_024;
  } catch {
    // It ended meanwhile, as sessions of a database do.
    return 0;
  }
}

/** A process and those that it started itself. */
export function familyOf(pid: number): readonly number[] {
  const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return [pid, ...children.trim().split(' ').filter(Boolean).map(Number)];
}

/** Processes whose command line holds all of these words. */
export function findPids(...words: readonly string[]): readonly number[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      const command = commandOf(pid);
      return words.every((word) => command.includes(word));
    });
}

function commandOf(pid: number): string {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
