import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

import { root } from '../../scripts/servers/root.ts';
import { FILLED_IN, readComposeFile } from './compose-file.ts';

/** Any of these resolves a compose file without a running container engine. */
const TOOLS = [['docker', 'compose'], ['docker-compose'], ['podman-compose']];

/** Without the settings of the developer, but with what is installed for them alone. */
const { PATH, HOME = '/' } = process.env;
const bare = { PATH, DOCKER_CONFIG: path.join(HOME, '.docker') };
const tool = TOOLS.find(
  ([program = '', ...first]) => spawnSync(program, [...first, 'version'], { env: bare }).status === 0,
);
if (!tool) process.stderr.write('SKIPPED: no compose tool (docker compose, docker-compose) is on PATH.\n');

it.skipIf(!tool)('docker-compose.yml is what a real compose tool accepts and resolves', () => {
  const { status, stdout, stderr } = resolve(FILLED_IN);
  expect(stderr.toString()).not.toMatch(/error/i);
  expect(status).toBe(0);
  const resolved = parse(stdout.toString()) as { services: Record<string, { command?: string[] }> };
  expect(Object.keys(resolved.services).sort()).toEqual(Object.keys(readComposeFile().services).sort());
  expect(resolved.services['api']?.command).toEqual(readComposeFile().services['api']?.command);
  expect(stdout.toString()).not.toContain('${');
});

it.skipIf(!tool)('a real compose tool refuses to start without issuers and policy', () => {
  const { status, stderr } = resolve({});
  expect(status).not.toBe(0);
  expect(stderr.toString()).toMatch(/in \.env/);
});

function resolve(
  settings: Readonly<Record<string, string>>,
): ReturnType<typeof spawnSync> & { stderr: Buffer } {
  // In an empty folder, so that no .env of the developer is read.
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-resolve-'));
  try {
    fs.copyFileSync(path.join(root, 'docker-compose.yml'), path.join(folder, 'docker-compose.yml'));
    const [program = '', ...first] = tool ?? [];
    const env = { ...bare, HOME: folder, ...settings };
    const answer = spawnSync(program, [...first, 'config'], { cwd: folder, env });
    return { ...answer, stderr: Buffer.from(answer.stderr) };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
