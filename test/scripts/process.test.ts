import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { waitFor } from '../stack/wait.ts';

it('stops what it started when the starting process is killed with -9', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-process-'));
  const pidFile = path.join(folder, 'pid');
  const module = path.resolve(import.meta.dirname, '../../scripts/servers/process.ts');
  const program = `
    import { startProcess } from ${JSON.stringify(module)};
    import fs from 'node:fs';
    const running = startProcess({ name: 'sleep', command: ['sleep', '600'], logFile: ${JSON.stringify(path.join(folder, 'log'))} });
    fs.writeFileSync(${JSON.stringify(pidFile)}, String(running.pid));
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
    stdio: 'inherit',
  });
  const pid = await waitFor({
    what: 'the child to be started',
    check: async () =>
      fs.existsSync(pidFile) ? Number(fs.readFileSync(pidFile, 'utf8')) || undefined : undefined,
  });
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await waitFor({ what: 'the child to end', check: async () => (isAlive(pid) ? undefined : true) });
  fs.rmSync(folder, { recursive: true, force: true });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that ended but was not yet collected by init still has a number.
    return !/^State:\s*Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
