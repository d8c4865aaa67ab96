import { spawn, type ChildProcess } from 'node:child_process';

/**
 * A shell that waits on a pipe from this process. When the pipe closes, because this process ended in whatever way,
 * `kill -9` included, it stops what is still on its list, the newest first.
 */
const SCRIPT = `
entries=""
while read -r verb signal pid; do
  case "$verb" in
    guard) entries="$signal:$pid $entries" ;;
    forget)
      kept=""
      for entry in $entries; do [ "\${entry#*:}" = "$pid" ] || kept="$kept $entry"; done
      entries="$kept" ;;
  esac
done
for entry in $entries; do kill -"\${entry%%:*}" "\${entry#*:}" 2>/dev/null; done
`;

let guardian: ChildProcess | undefined;

/** From now on the process does not outlive this one. */
export function guard(pid: number, signal: 'SIGTERM' | 'SIGINT'): void {
  guardian ??= startGuardian();
  guardian.stdin?.write(`guard ${signal.slice(3)} ${pid}\n`);
}

/** The process has ended; its number may soon belong to another. */
export function forget(pid: number): void {
  guardian?.stdin?.write(`forget - ${pid}\n`);
}

function startGuardian(): ChildProcess {
  const child = spawn('sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  child.unref();
  // A guardian that died protects nothing, but it must not end the one it protects.
  child.stdin.on('error', () => {});
  child.on('error', () => {});
  const pipe: unknown = child.stdin;
  if (pipe instanceof Object && 'unref' in pipe && typeof pipe.unref === 'function') pipe.unref();
  return child;
}
