import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { loadPolicyFolder, type CompiledPolicy } from '../../policy-files/compile.ts';
import { startServer, type AnsweringServer } from '../sdk/server.ts';
import { requestView } from '../sdk/view.ts';
import { keyturn } from './terminal.ts';

const FOLDER = join(import.meta.dirname, '../../policies');

let server: AnsweringServer | undefined;
let loaded: CompiledPolicy;
beforeEach(async () => {
  const result = await loadPolicyFolder(FOLDER);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  loaded = result;
});
afterEach(async () => {
  await server?.stop();
});

/** An API whose active policy forbids nothing, and which compiles proposals to this digest. */
async function startApi(digest: string): Promise<string> {
  const rules = loaded.policy.rules.filter(({ effect }) => effect !== 'forbid');
  server = await startServer(({ method, path }) => {
    if (path === '/v1/policies') return { status: 201, body: { digest, active: 'sha256:old', is_new: true } };
    return { status: 200, body: method === 'GET' ? { policy: { ...loaded.policy, rules } } : requestView() };
  });
  return server.url;
}

it('keyturn policy publish sends the files, tells what changes, and of people what the API answers', async () => {
  const result = await keyturn(['policy', 'publish', FOLDER, '--api', await startApi(loaded.digest)]);
  expect([result.code, result.error]).toEqual([
    0,
    expect.stringMatching(/^To follow it: keyturn watch \S+\n$/),
  ]);
  expect(result.out).toMatch(
    /^This change is tightening overall:\n( {2}tightening {2}added {4}rule \S+\n( {4}\S+\.yaml:\d+.*\n)?)+\n/,
  );
  expect(result.out.match(/ person| people/g)).toHaveLength(1);
  expect(result.out).toContain('Who must approve (');
  expect(JSON.parse(server?.received[0]?.body ?? '')).toEqual(loaded.sources);
});

it('keyturn policy publish asks for nothing where the API compiles the files to another policy', async () => {
  const result = await keyturn(['policy', 'publish', FOLDER, '--api', await startApi('sha256:other')]);
  expect([result.code, result.out]).toEqual([1, '']);
  expect(result.error).toContain(`sha256:other, and this program to ${loaded.digest}: use the version`);
  expect(server?.received.map(({ path }) => path)).toEqual(['/v1/policies']);
});
