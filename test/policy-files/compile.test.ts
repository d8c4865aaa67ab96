import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { loadPolicyFolder } from '../../policy-files/compile.ts';
import { FILE_BYTES_MAX } from '../../policy-files/folder.ts';
import { policyDigest } from '../../domain/policy/policy.ts';
import { formatted, load, policyOf, problemsOf, VALID, withFolder, withLine } from './policy-folder.ts';

/** The mapping as the only entry of a list. */
function listed(text: string): string {
  const lines = text.trimEnd().split('\n');
  return lines.map((line, index) => (index === 0 ? `- ${line}` : `  ${line}`)).join('\n');
}

describe('a policy folder', () => {
  it('compiles into one policy set, named by its digest', async () => {
    const result = await load({});
    if (!result.ok) throw new Error(formatted(result).join('\n'));
    expect(result.digest).toBe(policyDigest(result.policy));
    expect(result.policy).toMatchObject({
      version: 'keyturn/v1',
      environments: ['staging', 'prod'],
      actions: [{ action: 'postgres.execute', fallback: 'review', arguments: { type: 'object' } }],
      targets: [{ id: 'shop', owners: ['group:dba'], connection: { url: 'env:KEYTURN_TARGET_SHOP_URL' } }],
      directory: {
        people: [
          { id: 'ada', name: 'ada', active: true },
          { id: 'olga', name: 'Olga', active: true },
        ],
        agents: [{ id: 'billing', owner: 'ada', acts_for_people: false, active: true }],
        groups: [
          { id: 'dba', members: ['olga'], groups: [] },
          { id: 'everyone', members: ['ada'], groups: ['dba'] },
        ],
      },
    });
  });

  it('keeps the client of an agent, where that is not its subject', async () => {
    const usual = '  - { id: billing, issuer: demo, subject: agent-billing, owner: ada }';
    const named = usual.replace('owner', 'client: billing-app, owner');
    const { directory } = await policyOf({ 'directory.yaml': VALID['directory.yaml'].replace(usual, named) });
    expect(directory.agents[0]).toMatchObject({ subject: 'agent-billing', client: 'billing-app' });
    expect((await policyOf({})).directory.agents[0]).not.toHaveProperty('client');
  });

  it('takes an agent without an issuer, which calls with API keys', async () => {
    const usual = 'issuer: demo, subject: agent-billing';
    const keys = VALID['directory.yaml'].replace(usual, 'issuer: keyturn, subject: billing');
    const { directory } = await policyOf({ 'directory.yaml': keys });
    expect(directory.agents[0]).toMatchObject({ issuer: 'keyturn', subject: 'billing', owner: 'ada' });
  });

  it('keeps how long an allow is valid, where a rule says', async () => {
    const on = 'on: { action: [postgres.execute], env: [staging] }, effect: allow';
    const { rules } = await policyOf({
      'rules/sql.yaml': `- { id: short, ${on}, valid_for: 90s }\n- { id: usual, ${on} }\n`,
    });
    expect(rules[0]).toMatchObject({ id: 'short', valid_for_ms: 90_000 });
    expect(rules[1]).not.toHaveProperty('valid_for_ms');
  });

  it('gives the same digest for the same files, and another for a changed one', async () => {
    const digests = [{}, {}, withLine('rules/sql.yaml', 6, '      stages: [{ any: [owners], quorum: 1 }]')];
    const results = await Promise.all(digests.map((changes) => load(changes)));
    const [first, second, third] = results.map((result) => (result.ok ? result.digest : 'problem'));
    expect(first).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    expect(third).toMatch(/^sha256:/);
  });

  it('takes from the default requirement what a rule leaves out', async () => {
    const { rules, defaults } = await policyOf({});
    expect(defaults.require).toMatchObject({ rule: 'default', expires_ms: 8 * 3_600_000 });
    expect(rules).toEqual([
      {
        id: 'sql',
        on: { action: ['postgres.execute'], env: ['prod'] },
        effect: 'review',
        because: null,
        replaces_default: false,
        source: 'rules/sql.yaml:2',
        require: {
          rule: 'sql',
          stages: [{ any: ['group:dba'], quorum: 1, escalate: [] }],
          order: 'parallel',
          expires_ms: 8 * 3_600_000,
          maximum_age_ms: 3_600_000,
          minimum_grade: 'C',
          is_reason_required: false,
        },
      },
    ]);
  });

  it('reads everything that a rule can say', async () => {
    const { rules } = await policyOf({
      'rules/sql.yml': `version: keyturn/v1
rules:
  - id: full
    on: { action: [postgres.execute] }
    effect: review
    because: Two people look
    replaces_default: true
    require:
      order: sequential
      stages:
        - { any: ["user:ada", owners], quorum: 2, escalate: [{ after: PT30M, to: "group:everyone" }] }
        - { any: [group:dba], quorum: 1 }
      expires: 2d
      on_expiry: deny
      maximum_age: 90s
      minimum_grade: A
      reviewer: { reason: required }
`,
    });
    expect(rules[1]).toMatchObject({
      id: 'full',
      on: { action: ['postgres.execute'], env: null },
      because: 'Two people look',
      replaces_default: true,
      source: 'rules/sql.yml:3',
      require: {
        order: 'sequential',
        stages: [
          {
            any: ['user:ada', 'owners'],
            quorum: 2,
            escalate: [{ after_ms: 1_800_000, to: 'group:everyone' }],
          },
          { any: ['group:dba'], quorum: 1, escalate: [] },
        ],
        expires_ms: 172_800_000,
        maximum_age_ms: 90_000,
        minimum_grade: 'A',
        is_reason_required: true,
      },
    });
  });

  it('accepts a plain list of rules, and lists of actions and of targets', async () => {
    const policy = await policyOf({
      'rules/sql.yaml': '- { id: a, on: { action: [postgres.execute] }, effect: forbid }\n',
      'actions/sql.yaml': listed(VALID['actions/sql.yaml']),
      'targets/shop.yaml': listed(VALID['targets/shop.yaml']),
    });
    expect(policy.rules.map((rule) => rule.source)).toEqual(['rules/sql.yaml:1']);
    expect([policy.actions.length, policy.targets.length]).toEqual([1, 1]);
  });

  it('accepts a byte order mark and Windows line ends, with the right places', async () => {
    const text = `\ufeff${VALID['rules/sql.yaml'].replaceAll('\n', '\r\n')}`;
    expect((await policyOf({ 'rules/sql.yaml': text })).rules[0]?.source).toBe('rules/sql.yaml:2');
    expect(await problemsOf({ 'rules/sql.yaml': text.replace('effect:', 'efect:') })).toContain(
      "rules/sql.yaml:4:5 unknown key 'efect', did you mean 'effect'?",
    );
  });

  it('skips notes, dot files and the folder of policy tests', async () => {
    const notes = { 'README.md': '#', 'rules/notes.md': '#', '.git/config': 'x', 'tests/sql.yaml': '- x' };
    expect(await problemsOf({ ...notes, 'rules/.sql.yaml.swp': 'x' })).toEqual([]);
  });

  it('finds all mistakes of all files in one pass, in order', async () => {
    const problems = await problemsOf({
      ...withLine('rules/sql.yaml', 4, '    effect: revew'),
      ...withLine('targets/shop.yaml', 4, 'environment: production'),
    });
    expect(problems).toEqual([
      "rules/sql.yaml:4:13 'revew' is not one of review, forbid, allow, did you mean 'review'?",
      "targets/shop.yaml:4:14 unknown environment 'production'",
    ]);
  });

  it('does not call names unknown that a broken file may declare', async () => {
    const problems = await problemsOf({ 'directory.yaml': 'people: [' });
    expect(problems.filter((problem) => !problem.startsWith('directory.yaml:1:'))).toEqual([]);
    expect(problems.length).toBeGreaterThan(0);
  });
});

describe('a policy folder that cannot be read', () => {
  it('is a problem, not an exception, when it does not exist or is a file', async () => {
    const nowhere = await loadPolicyFolder('/nowhere/policies', {});
    expect(formatted(nowhere)).toEqual(['/nowhere/policies:1:1 does not exist']);
    await withFolder({ file: 'x' }, async (directory) => {
      const result = await loadPolicyFolder(join(directory, 'file'), {});
      expect(formatted(result)[0]).toMatch(/:1:1 is not a folder$/);
    });
  });

  it('is refused when it is empty', async () => {
    const result = await withFolder({}, (directory) => loadPolicyFolder(directory, {}));
    expect(formatted(result)).toEqual([
      'actions:1:1 the policy has no actions',
      'directory.yaml:1:1 missing',
      'keyturn.yaml:1:1 missing',
      'rules:1:1 the policy has no rules',
      'targets:1:1 the policy has no targets',
    ]);
  });

  it.each([
    [{ 'rules/sql.yaml': 'rules: []' }, 'rules:1:1 the policy has no rules'],
    [{ 'actions/sql.yaml': '[]' }, 'actions:1:1 the policy has no actions'],
    [{ 'directory.yaml': 'people: []' }, 'directory.yaml:1:9 an empty list'],
  ])('is refused when %j leaves nothing', async (files, problem) => {
    expect(await problemsOf(files)).toContain(problem);
  });

  it.each(['# nothing', '', '~'])('is refused when a file holds nothing: %j', async (text) => {
    expect(await problemsOf({ 'rules/more.yaml': text })).toEqual(['rules/more.yaml:1:1 the file is empty']);
  });

  it('is refused when a file is larger than people can review', async () => {
    const problems = await problemsOf({ 'rules/more.yaml': `# ${'x'.repeat(FILE_BYTES_MAX)}` });
    expect(problems).toEqual([`rules/more.yaml:1:1 larger than ${FILE_BYTES_MAX} bytes`]);
  });

  it('is refused when a file is not UTF-8', async () => {
    const problems = await problemsOf({ 'rules/more.yaml': Uint8Array.of(0x61, 0xff) });
    expect(problems).toEqual(['rules/more.yaml:1:1 is not UTF-8 text']);
  });

  it.each([
    ['rules/sql.json', '{}', 'rules/sql.json:1:1 only .yaml and .yml files belong in rules/'],
    ['rules/sql.yaml.bak', 'x', 'rules/sql.yaml.bak:1:1 only .yaml and .yml files belong in rules/'],
    ['rules/team/sql.yaml', 'x', 'rules/team:1:1 only .yaml and .yml files belong in rules/'],
    ['rulse/sql.yaml', 'x', "rulse:1:1 not part of a policy folder, did you mean 'rules'?"],
    ['directroy.yaml', 'x', "directroy.yaml:1:1 not part of a policy folder, did you mean 'directory.yaml'?"],
  ])('is refused rather than read in part: %s', async (file, text, problem) => {
    expect(await problemsOf({ [file]: text })).toEqual([problem]);
  });

  it('is refused when settings are written twice', async () => {
    expect(await problemsOf({ 'keyturn.yml': VALID['keyturn.yaml'] })).toEqual([
      'keyturn.yml:1:1 there is also keyturn.yaml: only one may exist',
    ]);
  });

  it('is refused when a symbolic link leads out of it, and read when one leads inside', async () => {
    const outside = await withFolder(VALID, async (directory) => {
      await symlink('/etc/hostname', join(directory, 'rules', 'host.yaml'));
      await symlink('/etc', join(directory, 'tests'));
      return formatted(await loadPolicyFolder(directory, {}));
    });
    expect(outside).toEqual(['rules/host.yaml:1:1 a symbolic link that leads out of the policy folder']);
    const inside = await withFolder({ ...VALID, 'rules/sql.yaml': null }, async (directory) => {
      await mkdir(join(directory, '..data'));
      await mkdir(join(directory, 'rules'));
      await writeFile(join(directory, '..data', 'sql'), VALID['rules/sql.yaml']);
      await symlink('../..data/sql', join(directory, 'rules', 'sql.yaml'));
      return loadPolicyFolder(directory, {});
    });
    expect(inside.ok).toBe(true);
  });

  it('is refused when a whole folder of it is a symbolic link to somewhere else', async () => {
    const problems = await withFolder({ ...VALID, 'rules/sql.yaml': null }, (elsewhere) =>
      withFolder({ ...VALID, 'rules/sql.yaml': null }, async (directory) => {
        await symlink(elsewhere, join(directory, 'rules'));
        return formatted(await loadPolicyFolder(directory, {}));
      }),
    );
    expect(problems).toContain('rules:1:1 a symbolic link that leads out of the policy folder');
  });

  it('is refused when what looks like a file is a folder', async () => {
    expect(await problemsOf({ 'rules/more.yaml/x.yaml': 'x' })).toEqual([
      'rules/more.yaml:1:1 not a regular file',
    ]);
  });

  it('is refused with a message that cannot drive a terminal', async () => {
    const problems = await problemsOf({ 'rules/\u001b[2J.txt': 'x', 'rules/b.yaml': '"\\e[2J": 1' });
    expect(problems).toHaveLength(3);
    for (const problem of problems) expect(problem).not.toMatch(/\p{Cc}/u);
  });
});
