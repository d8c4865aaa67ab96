import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../scripts/servers/root.ts';

it('says nothing and changes nothing when everything is in place', () => {
  const output = execFileSync(process.execPath, [path.join(root, 'scripts', 'setup.mjs')], {
    encoding: 'utf8',
  });
  expect(output).toBe('');
});
