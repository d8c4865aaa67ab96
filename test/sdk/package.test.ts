import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { root } from '../../scripts/servers/root.ts';

const run = promisify(execFile);

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-consumer-'));
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(root, path.join(folder, 'node_modules', 'keyturn'));
  fs.symlinkSync(path.join(root, 'node_modules', '@types'), path.join(folder, 'node_modules', '@types'));
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

/** Compiles a program beside an installed package, strictly, and runs it. */
async function consume(source: string): Promise<string> {
  fs.writeFileSync(path.join(folder, 'program.mts'), source);
  const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const strict = [
    '--strict',
    '--target',
    'es2023',
    '--module',
    'nodenext',
    '--types',
    'node',
    '--noEmitOnError',
  ];
  await run(process.execPath, [compiler, ...strict, 'program.mts'], { cwd: folder });
  const { stdout } = await run(process.execPath, ['program.mjs'], { cwd: folder });
  return stdout.trim();
}

it('a program imports the client by the name of the package, with its types', async () => {
  const said = await consume(`
    import { guard, KeyturnClient, KeyturnProblem, type RequestView } from 'keyturn';
    const client = new KeyturnClient({ baseUrl: 'http://127.0.0.1:1', token: 't', attemptsMax: 1 });
    const statusOf = (request: RequestView): string => request.status;
    // @ts-expect-error -- a request has no such field: the types are there
    const wrong = (request: RequestView): string => request.nothing;
    const failed = await client.actions().then(() => false, (error) => !(error instanceof KeyturnProblem));
    console.log(typeof guard, typeof statusOf, typeof wrong, failed);
  `);
  expect(said).toBe('function function function true');
});
