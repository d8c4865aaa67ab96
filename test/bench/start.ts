import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';

import { freePort } from '../../scripts/servers/ports.ts';
import { root } from '../../scripts/servers/root.ts';
import { waitFor } from '../stack/wait.ts';
import { median } from './measure.ts';

const PORTS = ['API', 'WORKER', 'IDP', 'POSTGRES', 'TEMPORAL', 'TEMPORAL_UI', 'API_METRICS'];
const WITHIN_MS = 300_000;

/**
 * Seconds from `npm start` until it says that Keyturn runs: in a new folder, and the median of starts in a folder that has
 * run before. Answers lines of a table.
 */
export async function startLines(warmStarts: number): Promise<readonly string[]> {
  const folder = path.join(root, '.keyturn', 'bench-start');
  fs.rmSync(folder, { recursive: true, force: true });
  const cold = await startSeconds(folder);
  const warm: number[] = [];
  while (warm.length < warmStarts) warm.push(await startSeconds(folder));
  fs.rmSync(folder, { recursive: true, force: true });
  const seconds = median(warm);
  return [
    '| `npm start`, compiled before | seconds until ready | aim | |',
    '| --- | ---: | --- | --- |',
    `| in a new folder | ${cold.toFixed(1)} | | |`,
    `| in a folder that has run | ${seconds.toFixed(1)} | ≤ 6 | ${seconds <= 6 ? 'met' : 'not met'} |`,
    '',
  ];
}

async function startSeconds(folder: string): Promise<number> {
  // Its own servers, whatever others the environment names.
  const own = { KEYTURN_FOLDER: folder, TEMPORAL_ADDRESS: '', DATABASE_URL: '' };
  const env = { ...process.env, ...own, ...(await ownPorts()) };
  const startedAt = performance.now();
  const child = spawn('npm', ['start'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await saysThatItRuns(child);
    return (performance.now() - startedAt) / 1_000;
  } finally {
    const exited = once(child, 'exit');
    if (child.exitCode === null && child.kill('SIGTERM')) await exited;
    // npm may end before what it runs.
    const lock = path.join(folder, 'start.pid');
    await waitFor({ what: 'npm start to end', check: async () => !fs.existsSync(lock) || undefined });
  }
}

async function ownPorts(): Promise<Readonly<Record<string, string>>> {
  const ports = new Set<number>();
  while (ports.size < PORTS.length) ports.add(await freePort());
  const chosen = [...ports];
  return Object.fromEntries(PORTS.map((name, index) => [`KEYTURN_${name}_PORT`, String(chosen[index])]));
}

function saysThatItRuns(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why: string): void => reject(new Error(`npm start ${why}:\n${said}`));
    setTimeout(() => fail('was not ready in time'), WITHIN_MS).unref();
    child.once('exit', (code) => fail(`ended with ${code}`));
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Keyturn runs.')) resolve();
    });
  });
}
