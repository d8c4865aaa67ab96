import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

import { root } from '../../scripts/servers/root.ts';
import { compiled } from '../stack/databases.ts';

const run = promisify(execFile);

const PROGRAMS = ['apps/api/main.js', 'apps/worker/main.js', 'apps/cli/main.js', 'database/migrate.js'];

/** What a Node calls itself, put in the place of what this one does before a program loads. */
function claiming(version: string): string[] {
  const [major] = version.split('.');
  const script =
    `Object.defineProperty(process.versions, 'node', { value: '${version}' });` +
    `Object.defineProperty(process, 'version', { value: 'v${version}' }); // ${major}`;
  return ['--import', `data:text/javascript,${encodeURIComponent(script)}`];
}

const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  engines: { node: string };
  devDependencies: Record<string, string>;
};
const major = Number(/^>=(\d+)$/.exec(manifest.engines.node)?.[1]);

it('says it needs the major version of Node that the tests run on, and the tests run on that', () => {
  expect(manifest.devDependencies['node']).toMatch(new RegExp(`^${major}\\.`));
  expect(process.versions.node).toBe(manifest.devDependencies['node']);
});

describe.each(PROGRAMS)('%s', (program) => {
  it('refuses to start on an older Node, and says which it needs', async () => {
    const older = run(process.execPath, [...claiming(`${major - 1}.9.0`), compiled(program)]);
    await expect(older).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        new RegExp(`^Keyturn needs Node ${major} or newer; this is v${major - 1}.9.0`),
      ),
    });
  });

  it('does not refuse a newer Node', async () => {
    const newer = run(process.execPath, [...claiming(`${major + 2}.0.0`), compiled(program), '--help']);
    const said = await newer.catch((error: { stderr: string }) => error);
    expect(said.stderr).not.toContain('Keyturn needs Node');
  });
});

/** A Node of this machine that is too old for the programs, and that people call npm with. */
const old = ['/usr/bin/node', '/usr/local/bin/node'].find((file) => {
  const version = /^v(\d+)\./.exec(spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1];
  return version !== undefined && Number(version) < major;
});
if (!old) process.stderr.write('SKIPPED: no Node older than 24 is here to call npm with.\n');

it.skipIf(!old)('what npm runs gets the packaged Node, also where the machine has an older one', async () => {
  const npm = path.join(path.dirname(old ?? ''), 'npm');
  const env = { ...process.env, PATH: `${path.dirname(old ?? '')}:/usr/bin:/bin` };
  const { stdout } = await run(npm, ['exec', '--', 'node', '--version'], { cwd: root, env });
  expect(stdout.trim()).toBe(`v${manifest.devDependencies['node']}`);
  const { stdout: help } = await run(npm, ['run', '--silent', 'keyturn', '--', '--help'], { cwd: root, env });
  expect(help).toContain('Usage: keyturn');
});

it.skipIf(!old)('the set-up and the start run on the older Node of a machine', async () => {
  expect((await run(old ?? '', ['scripts/setup.mjs'], { cwd: root })).stdout).toBe('');
  const wrong = run(old ?? '', ['scripts/start.mjs', '--no-such-option'], { cwd: root });
  await expect(wrong).rejects.toMatchObject({ stderr: expect.stringMatching(/no-such-option/) });
});
