import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { loadPolicyFolder } from '../../policy-files/compile.ts';
import { loadPolicyTests } from '../../policy-files/tests.ts';
import type { PolicySet } from '../../domain/policy/policy.ts';
import { runPolicyTests } from '../../policy-authoring/policy-test.ts';
import { root } from '../../scripts/servers/root.ts';
import { read, shellLines } from '../docs/documents.ts';

const INSTALLED = '/etc/keyturn/policy';
const page = shellLines(read('docs/running-without-compose.md'));

let parent: string;
let folder: string;

beforeEach(() => {
  parent = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-example-'));
  folder = path.join(parent, 'policy');
  // As the page says, into a folder of this test.
  const lines = page.filter((line) => /^(cp|sed) .*\/etc\/keyturn\/policy/.test(line));
  const made = spawnSync('sh', ['-e'], { cwd: root, input: lines.join('\n').replaceAll(INSTALLED, folder) });
  expect([lines.length, made.status]).toEqual([2, 0]);
});

afterEach(() => {
  fs.rmSync(parent, { recursive: true });
});

/** The policy of the folder, which has no warning and passes tests of its own that reach every rule. */
async function loaded(): Promise<PolicySet> {
  const result = await loadPolicyFolder(folder, {});
  expect(result).toMatchObject({ ok: true, warnings: [] });
  if (!result.ok) throw new Error('There is no policy.');
  const read = await loadPolicyTests(folder, result.policy);
  if (!read.ok) throw new Error('There are no tests.');
  const { results, never_hit } = runPolicyTests(result.policy, read.tests);
  expect(results.map(({ failures }) => failures)).toEqual(read.tests.map(() => []));
  expect([results.length, never_hit]).toEqual([1, []]);
  return result.policy;
}

describe('the policy to start from', () => {
  it('has what the steps use: the target that they check, by the file that they write', async () => {
    const [target] = (await loaded()).targets;
    expect(page.join('\n')).toContain(`target check ${target?.id} --policy ${INSTALLED}`);
    const file = String(target?.connection['url']).replace('file:', '');
    expect(page).toContain(`  > ${file}`);
    const variable = `Environment=KEYTURN_REFERENCE_FOLDERS=${path.dirname(file)}\n`;
    expect(read('deploy/systemd/keyturn-worker.service')).toContain(variable);
  });

  it('needs no other change than issuer and accounts', async () => {
    const file = path.join(folder, 'directory.yaml');
    const issuer = 'https://keycloak.shop.example/realms/all';
    const mine = read('compose/policy.example/directory.yaml')
      .replace('https://login.example.com/realms/staff', issuer)
      .replaceAll(/subject: (\S+?)(?=[ \n])/g, 'subject: 0b54-$1')
      .replaceAll(/name: [A-Z][^,\n]+/g, 'name: Somebody');
    fs.writeFileSync(file, mine);
    const { directory } = await loaded();
    expect(directory.people.flatMap(({ accounts }) => accounts)).toEqual(
      ['0b54-ada', '0b54-olga', '0b54-omar'].map((subject) => ({ issuer, subject })),
    );
    expect(directory.agents).toMatchObject([{ issuer, subject: '0b54-agent-billing' }]);
  });

  it('has three operators, and the catalogue entry of the sample', async () => {
    const { operators, directory } = await loaded();
    expect(operators).toEqual(['group:operators']);
    expect(directory.groups.find(({ id }) => id === 'operators')?.members).toHaveLength(3);
    const action = 'actions/postgres-execute.yaml';
    expect(read(`compose/policy.example/${action}`)).toBe(read(`policies/${action}`));
  });
});
