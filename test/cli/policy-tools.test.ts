import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { keyturn, type CommandResult } from './terminal.ts';

const SAMPLE = join(import.meta.dirname, '../stack/policies');

const ENVIRONMENT = {
  KEYTURN_IDP_ISSUER: 'http://127.0.0.1:1',
  KEYTURN_SECOND_ISSUER: 'http://127.0.0.1:2',
};

/** The stack's policy with these rules, or these tests, in place of its own. */
async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), 'keyturn-tools-')), 'policies');
  await cp(SAMPLE, folder, { recursive: true });
  await mkdir(join(folder, 'tests'));
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  return folder;
}

const policy = (...args: readonly string[]): Promise<CommandResult> =>
  keyturn(['policy', ...args], { environment: ENVIRONMENT });

const RULES = `
- id: many
  on: { action: [postgres.execute], env: [prod] }
  when: plan.rows > 1000
  effect: review
  require: { stages: [{ any: [group:dba], quorum: 2 }] }
- { id: closed, on: { action: [postgres.execute], env: [closed] }, effect: forbid }
`;

const given = (rows: number): string =>
  `{ action: postgres.execute, target: shop, requester: agent-billing, arguments: { statement: "x" }, plan: { rows: ${rows} } }`;

const GOOD = `tests:
  - name: many rows need two administrators and the owner
    given: ${given(5000)}
    expect: { effect: review, rules: [many], stages: [group:dba x2, owners x1], expires: 1h }
    may: { olga: yes, ada: self_approval, petra: not_eligible }
`;

const BAD = `tests:
  - name: "few rows \\u202E are many"
    given: ${given(7)}
    expect: { rules: [many] }
`;

describe('keyturn policy check', () => {
  const SHADOWED = `${RULES}- { id: never, on: { action: [postgres.execute], env: [closed] }, when: plan.rows == 0, effect: allow }\n`;
  const WARNING =
    "rules/by-environment.yaml:8:9 warning rule_shadowed: decides nothing: wherever it applies, all is forbidden by 'closed', without a condition";

  it('tells warnings beside the result, each with its place and code, and accepts the policy', async () => {
    const folder = await folderWith({ 'rules/by-environment.yaml': SHADOWED });
    const result = await policy('check', folder);
    expect([result.code, result.out]).toEqual([0, expect.stringContaining('is valid. Its digest: sha256:')]);
    expect(result.error.split('\n')).toContain(WARNING);
    const json = await policy('check', folder, '--json');
    expect([json.code, json.error, JSON.parse(json.out)]).toMatchObject([
      0,
      '',
      {
        ok: true,
        warnings: expect.arrayContaining([
          expect.objectContaining({
            code: 'rule_shadowed',
            rule: 'never',
            file: 'rules/by-environment.yaml',
            line: 8,
            column: 9,
          }),
        ]),
      },
    ]);
  });

  it('reports tests that cannot be loaded', async () => {
    const tests = 'tests: [{ name: a, given: {}, expect: {} }]\n';
    const folder = await folderWith({ 'rules/by-environment.yaml': RULES, 'tests/a.yaml': tests });
    const result = await policy('check', folder);
    expect([result.code, result.out]).toEqual([1, '']);
    expect(result.error).toContain('tests/a.yaml:1:');
    expect(JSON.parse((await policy('check', folder, '--json')).out)).toMatchObject({ ok: false });
  });

  it('fails on warnings where it is to be strict', async () => {
    const folder = await folderWith({ 'rules/by-environment.yaml': SHADOWED });
    const text = await policy('check', folder, '--strict');
    expect([text.code, text.out, text.error]).toEqual([1, '', expect.stringContaining(WARNING)]);
    const json = await policy('check', folder, '--strict', '--json');
    expect([json.code, JSON.parse(json.out)]).toMatchObject([1, { ok: false }]);
    const clean = join(import.meta.dirname, '../../policies');
    expect((await policy('check', clean, '--strict')).code).toBe(0);
  });
});

describe('keyturn policy test', () => {
  it('shows failures last, next to the count', async () => {
    const bad = BAD.replace(' \\u202E', '');
    const files = { 'rules/by-environment.yaml': RULES, 'tests/a.yaml': bad, 'tests/b.yaml': GOOD };
    const { out } = await policy('test', await folderWith(files));
    expect(out.split('\n').slice(0, 2)).toEqual([
      'ok    tests/b.yaml:2  many rows need two administrators and the owner',
      'FAIL  tests/a.yaml:2  few rows are many',
    ]);
  });

  it('passes, names the digest, and tells which rules no test reaches', async () => {
    const folder = await folderWith({ 'rules/by-environment.yaml': RULES, 'tests/a.yaml': GOOD });
    const result = await policy('test', folder);
    expect([result.code, result.error]).toEqual([0, '']);
    expect(result.out.split('\n')).toEqual([
      'ok  tests/a.yaml:2  many rows need two administrators and the owner',
      '',
      'tests          1 passed, 0 failed',
      'rule coverage  1/2',
      'never matched  closed (rules/by-environment.yaml:7)',
      expect.stringMatching(/^policy {9}sha256:[0-9a-f]{64}$/),
      '',
    ]);
    expect((await policy('test', folder, '--require-coverage')).code).toBe(1);
  });

  it('fails with what was expected, what is, and why the rule did not match', async () => {
    const bad = BAD.replace(' \\u202E', '');
    const folder = await folderWith({ 'rules/by-environment.yaml': RULES, 'tests/a.yaml': bad });
    const result = await policy('test', folder);
    expect(result.code).toBe(1);
    expect(result.out.split('\n').slice(0, 5)).toEqual([
      'FAIL  tests/a.yaml:2  few rows are many',
      '  rules',
      '    expected  [many]',
      '    got       []',
      '  rules/by-environment.yaml:2 many did not match: plan.rows = 7',
    ]);
    const json = await policy('test', folder, '--json');
    expect([json.code, JSON.parse(json.out)]).toMatchObject([
      1,
      { ok: false, results: [{ ok: false, failures: [{ what: 'rules', expected: '[many]', got: '[]' }] }] },
    ]);
  });

  it('refuses tests with a mistake at its place, in both forms', async () => {
    const folder = await folderWith({ 'rules/by-environment.yaml': RULES, 'tests/a.yaml': BAD });
    const text = await policy('test', folder);
    expect([text.code, text.out, text.error]).toEqual([
      1,
      '',
      'tests/a.yaml:2:11 holds control or invisible characters\n',
    ]);
    const json = await policy('test', folder, '--json');
    expect(JSON.parse(json.out)).toMatchObject({ ok: false, problems: [{ line: 2, column: 11 }] });
  });
});

describe('keyturn policy diff', () => {
  it('calls an added forbid rule tightening, and lets it pass', async () => {
    const rules = await readFile(join(SAMPLE, 'rules/by-environment.yaml'), 'utf8');
    const added = `${rules}\n  - { id: extra, on: { action: [postgres.execute] }, when: plan.rows > 5, effect: forbid }\n`;
    const folder = await folderWith({ 'rules/by-environment.yaml': added });
    const result = await policy('diff', SAMPLE, folder, '--fail-on', 'loosened');
    expect(result.code).toBe(0);
    expect(result.out).toMatch(/^tightening: 1 change\n {2}tightening {2}added {4}rule extra\n {4}rules\//m);
    expect(result.out).toMatch(/boundary cases evaluated, 0 looser, [1-9][\d,]* stricter/);
    expect(result.out).toMatch(
      /^The candidate is only stricter\. To publish it, at least one person must agree/,
    );
  });

  it('says below a change where it stands and why it may be looser, and cuts no name', async () => {
    const rules = await readFile(join(SAMPLE, 'rules/by-environment.yaml'), 'utf8');
    const id = 'customer-export-outsider-developers';
    const added = `${rules}\n  - { id: ${id}, on: { action: [postgres.execute] }, when: plan.rows > 5, effect: review, replaces_default: true, require: { stages: [{ any: [group:dba], quorum: 1 }] } }\n`;
    const folder = await folderWith({ 'rules/by-environment.yaml': added });
    const { out } = await keyturn(['policy', 'diff', SAMPLE, folder], {
      environment: ENVIRONMENT,
      columns: 66,
    });
    expect(out).toContain(`  loosening  added    rule ${id}\n    rules/by-environment.yaml:`);
    expect(out).toContain('its reviewers take the place');
  });

  it('says that two people must agree to a rule about publishing that only forbids', async () => {
    const rules = await readFile(join(SAMPLE, 'rules/by-environment.yaml'), 'utf8');
    const added = `${rules}\n  - { id: extra, on: { action: [keyturn.policy.publish] }, when: plan.rows > 5, effect: forbid }\n`;
    const folder = await folderWith({ 'rules/by-environment.yaml': added });
    const json = await policy('diff', SAMPLE, folder, '--json');
    expect(JSON.parse(json.out)).toMatchObject({ kind: 'tightening', people_needed: 2 });
  });

  it('calls anything else loosening, shows where, and ends with 2 when it is asked to', async () => {
    const base = await folderWith({ 'rules/by-environment.yaml': RULES });
    const candidate = await folderWith({ 'rules/by-environment.yaml': RULES.replace('1000', '1001') });
    const result = await policy('diff', base, candidate, '--fail-on', 'loosened');
    expect(result.code).toBe(2);
    expect(result.out).toMatch(
      /^The candidate may be looser\. To publish it, at least two different people must/,
    );
    expect(result.out).toMatch(
      /^loosening: 1 change\n {2}loosening {2}edited {3}rule many\n {4}rules\/by-environment/m,
    );
    expect(result.out).toContain('  postgres.execute on shop, at rule many\n    plan.rows = 1001\n');
    expect(result.out).toContain('    review [group:dba x2, owners x1]');
    const json = await policy('diff', base, candidate, '--json');
    expect([json.code, JSON.parse(json.out)]).toMatchObject([
      0,
      { kind: 'loosening', people_needed: 2, grid: { looser: 1, stricter: 0 } },
    ]);
  });

  it('names the instant at which a shorter freeze lets go, and who may decide from then on', async () => {
    const settings = await readFile(join(SAMPLE, 'keyturn.yaml'), 'utf8');
    const directory = await readFile(join(SAMPLE, 'directory.yaml'), 'utf8');
    const frozen = (to: string): Record<string, string> => ({
      'keyturn.yaml': `${settings}\nfreezes: [{ id: x, title: X, from: "2027-01-01T00:00Z", to: "${to}" }]\n`,
    });
    const base = await folderWith(frozen('2027-01-03T00:00Z'));
    const candidate = await folderWith({
      ...frozen('2027-01-02T00:00Z'),
      'directory.yaml': directory.replace('id: dba, members: [', 'id: dba, members: [petra, '),
    });
    const { out } = await policy('diff', base, candidate);
    expect(out).toContain('who may decide\n  group:dba  + petra\n');
    expect(out).toMatch(
      / {4}at = "2027-01-02T00:00:00\.000Z"\n {4}review .*, held back by a freeze\n {4}-> review/,
    );
  });

  it('finds nothing between a folder and itself', async () => {
    expect((await policy('diff', SAMPLE, SAMPLE, '--fail-on', 'loosened')).code).toBe(0);
  });
});

describe('the commands that read the database', () => {
  it.each([[['explain', 'rq_1']], [['backtest', SAMPLE]], [['diff', 'active', SAMPLE]]])(
    '%j say that they need it',
    async (args) => {
      const result = await policy(...args);
      expect([result.code, result.error]).toEqual([
        1,
        expect.stringContaining('KEYTURN_DATABASE_URL is not set'),
      ]);
    },
  );

  it.each([
    [['--since', 'soon']],
    [['--until', '2026-02-30']],
    [['--until', '2026-01-01', '--follow']],
    [['--since', '2026-01-02', '--until', '2026-01-01']],
    [['--limit', '0']],
    [['--fail-on', 'tightened']],
  ])('a backtest with %j is misused', async (args) => {
    const environment = { ...ENVIRONMENT, KEYTURN_DATABASE_URL: 'postgres://127.0.0.1:1/none' };
    expect((await keyturn(['policy', 'backtest', SAMPLE, ...args], { environment })).code).toBe(2);
  });
});
