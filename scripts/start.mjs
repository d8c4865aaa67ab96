/**
 * `npm start`: runs the whole system on this machine. `npm start -- --demo` then plays a story on it and ends.
 * Plain JavaScript, because it may be started by an older Node than the one it needs.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';

const NODE_WANTED = 24;
const root = path.resolve(import.meta.dirname, '..');

if (Number(process.versions.node.split('.')[0]) >= NODE_WANTED) {
  await import('./start/main.ts');
} else {
  // npm puts the right Node first; this is for calls by hand.
  const node = path.join(root, 'node_modules', '.bin', 'node');
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', () => {
    process.stderr.write('Keyturn is not set up yet. Run `npm start`, which does that first.\n');
    process.exitCode = 1;
  });
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
