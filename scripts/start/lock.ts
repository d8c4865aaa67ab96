import fs from 'node:fs';
import path from 'node:path';

/** The result of the attempt to run the system in a folder. */
export type Lock =
  | { readonly kind: 'taken'; readonly isAfterCrash: boolean }
  | { readonly kind: 'refused'; readonly owner: number };

/** Says that this process runs the system in this folder, unless another one does. */
export function takeLock(folder: string): Lock {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = lockFile(folder);
  const isAfterCrash = fs.existsSync(file);
  const owner = isAfterCrash ? Number(fs.readFileSync(file, 'utf8')) : 0;
  if (owner !== process.pid && isStart(owner)) return { kind: 'refused', owner };
  fs.writeFileSync(file, `${process.pid}\n`);
  return { kind: 'taken', isAfterCrash };
}

/** Gives the folder back. */
export function releaseLock(folder: string): void {
  fs.rmSync(lockFile(folder), { force: true });
}

function lockFile(folder: string): string {
  return path.join(folder, 'start.pid');
}

/** After a crash the number may belong to an unrelated program. */
function isStart(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const commandLine = `/proc/${pid}/cmdline`;
  return !fs.existsSync(commandLine) || fs.readFileSync(commandLine, 'utf8').includes('start.mjs');
}
