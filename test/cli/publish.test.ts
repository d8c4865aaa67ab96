import { join } from 'node:path';

import { afterEach, expect, it } from 'vitest';

import { loadPolicyFolder } from '../../policy-files/compile.ts';
import { startServer, type AnsweringServer } from '../sdk/server.ts';
import { requestView } from '../sdk/view.ts';
import { keyturn } from './terminal.ts';

let server: AnsweringServer | undefined;
afterEach(async () => {
  await server?.stop();
});

it('keyturn policy publish tells what changes', async () => {
  const folder = join(import.meta.dirname, '../../policies');
  const loaded = await loadPolicyFolder(folder);
  const old = loaded.ok ? { ...loaded.policy, windows: [], freezes: [], rotations: [] } : ({} as never);
  server = await startServer(({ method, path }) => {
    if (path === '/v1/policies')
      return { status: 201, body: { digest: '', active: 'sha256:old', is_new: true } };
    return { status: 200, body: method === 'GET' ? { policy: old } : requestView() };
  });
  const result = await keyturn(['policy', 'publish', folder, '--api', server.url]);
  expect([result.code, result.error]).toEqual([
    0,
    expect.stringMatching(/^To follow it: keyturn watch \S+\n$/),
  ]);
  expect(result.out).toContain('This change is');
});
