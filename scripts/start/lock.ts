import fs from 'node:fs';
import path from 'node:path';

/** Says that this process runs the system in this folder. Answers null, or who already does. */
export function takeLock(folder: string): number | null {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = lockFile(folder);
  const owner = fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : 0;
  if (owner !== process.pid && isStart(owner)) return owner;
  fs.writeFileSync(file, `${process.pid}\n`);
  return null;
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
