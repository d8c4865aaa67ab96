import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort, isPortFree } from '../../scripts/servers/ports.ts';
import { root } from '../../scripts/servers/root.ts';
import { KeyturnClient } from '../../sdk/client.ts';
import { waitFor } from '../stack/wait.ts';

const PORTS = ['API', 'WORKER', 'IDP', 'POSTGRES', 'TEMPORAL', 'TEMPORAL_UI'].map(
  (name) => `KEYTURN_${name}_PORT`,
);

let env: Record<string, string | undefined>;
let folder: string;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-start-'));
  fs.chmodSync(folder, 0o711);
  const ports = await Promise.all(PORTS.map(freePort));
  env = {
    ...process.env,
    ...Object.fromEntries(PORTS.map((name, index) => [name, String(ports[index])])),
    KEYTURN_FOLDER: path.join(folder, 'keyturn'),
    // The server of the tests is not meant: this is about starting one.
    TEMPORAL_ADDRESS: '',
    PATH: `${path.dirname(process.env['KEYTURN_TEST_TEMPORAL_PROGRAM'] ?? '/nowhere/x')}:${process.env['PATH']}`,
  };
});

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

it('plays the story of one request and leaves nothing running', async () => {
  const story = start('--demo');
  const [code] = await once(story.process, 'exit');
  expect(code, story.output()).toBe(0);
  expect(story.output()).toMatch(/Refused: .*self_approval[^]*is now: succeeded[^]*All checks hold/);
  await expectPortsFree();
}, 180_000);

it('keeps pending requests over Ctrl-C and the next start', async () => {
  const first = start();
  await first.ready();
  const agent = await client('agent-billing');
  const created = await agent.request(
    {
      action: 'postgres.execute',
      target: 'shop-production',
      arguments: { statement: 'update account set credit_limit = 5000 where id = 1042' },
    },
    { waitSeconds: 20 },
  );
  if (created.kind !== 'recorded') throw new Error('The request was not planned in time.');
  const { id } = created.request;
  first.process.kill('SIGINT');
  expect(await once(first.process, 'exit')).toEqual([0, null]);
  await expectPortsFree();

  const second = start();
  await second.ready();
  const olga = await client('olga');
  const pending = await olga.show(id);
  expect(pending.status).toBe('pending');
  await olga.decide(id, {
    decision_digest: pending.decision_digest ?? '',
    verdict: 'approve',
    reason: 'as agreed',
  });
  expect(await olga.untilFinished(id, { timeoutMs: 60_000 })).toMatchObject({ status: 'succeeded' });
  second.process.kill('SIGTERM');
  expect(await once(second.process, 'exit')).toEqual([0, null]);
}, 240_000);

it('ends everything and names the log when a part of it dies', async () => {
  const running = start();
  await running.ready();
  const pid = await pidOf('dist/apps/worker/main.js');
  process.kill(pid, 'SIGKILL');
  const [code] = await once(running.process, 'exit');
  expect(code).toBe(1);
  expect(running.output()).toMatch(/the worker ended \(signal SIGKILL\)[^]*worker\.log/);
  await expectPortsFree();
}, 180_000);

it('ends when the shell in which npm runs it is ended', async () => {
  const command = `"${process.execPath}" scripts/start.mjs; exit $?`;
  const running = watched(
    spawn('sh', ['-c', command], { cwd: root, env: { ...env, npm_lifecycle_event: 'start' } }),
  );
  await running.ready();
  running.process.kill('SIGTERM');
  await waitFor({
    what: 'everything to be stopped',
    check: async () => running.output().includes('Stopped.') || undefined,
    explain: async () => running.output(),
  });
  await expectPortsFree();
}, 180_000);

interface Start {
  readonly process: ChildProcess;
  output(): string;
  /** Resolves when it has printed what to do next. */
  ready(): Promise<void>;
}

function start(...args: string[]): Start {
  return watched(spawn(process.execPath, [path.join(root, 'scripts', 'start.mjs'), ...args], { env }));
}

function watched(child: ChildProcessWithoutNullStreams): Start {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += String(chunk)));
  const output = (): string => text;
  return {
    process: child,
    output,
    ready: async () => {
      await waitFor({
        what: 'the start to be complete',
        withinMs: 120_000,
        check: async () => {
          if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}:\n${text}`);
          return text.includes('Ctrl-C stops everything') || undefined;
        },
        explain: async () => text,
      });
    },
  };
}

async function client(name: string): Promise<KeyturnClient> {
  const script = path.join(root, 'scripts', 'demo-token.mjs');
  const child = spawn(process.execPath, [script, name], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let token = '';
  child.stdout.on('data', (chunk) => (token += String(chunk)));
  await once(child, 'exit');
  return new KeyturnClient({ baseUrl: `http://127.0.0.1:${env['KEYTURN_API_PORT']}`, token: token.trim() });
}

async function expectPortsFree(): Promise<void> {
  const taken = await Promise.all(
    PORTS.map(async (name) => ((await isPortFree(Number(env[name]))) ? [] : [name])),
  );
  expect(taken.flat()).toEqual([]);
}

/** The process of this start that runs a program: other starts on the machine have other folders. */
async function pidOf(program: string): Promise<number> {
  for (const name of fs.readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const read = (file: string): string => {
      try {
        return fs.readFileSync(`/proc/${pid}/${file}`, 'utf8');
      } catch {
        return '';
      }
    };
    const isOurs = read('environ').includes(`KEYTURN_FOLDER=${env['KEYTURN_FOLDER']}`);
    if (isOurs && read('cmdline').includes(program)) return pid;
  }
  throw new Error(`${program} does not run.`);
}
