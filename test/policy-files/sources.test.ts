import { describe, expect, it } from 'vitest';

import { FILES_MAX } from '../../policy-files/folder.ts';
import { findingsOfSources, type PolicyFindings } from '../../policy-files/validation.ts';
import { VALID } from './policy-folder.ts';

type Texts = Readonly<Record<string, string>>;

function found(files: unknown, environment: unknown = {}): PolicyFindings {
  return findingsOfSources({ sources: JSON.stringify({ files, environment }) });
}

/** The problems of the valid policy with one more file. */
function problemsWith(file: string, text = 'x: 1'): readonly string[] {
  return found({ ...VALID, [file]: text }).problems;
}

const NESTED = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
const BOMB = `a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n`;

describe('the sources of a policy, no matter who sent or stored them,', () => {
  it.each([
    ['../keyturn.yaml', '../keyturn.yaml:1:1 not part of a policy folder'],
    ['rules/../../etc/passwd.yaml', 'rules/../../etc/passwd.yaml:1:1 not part of a policy folder'],
    ['/rules/a.yaml', '/rules/a.yaml:1:1 not part of a policy folder'],
    ['rules/.hidden.yaml', 'rules/.hidden.yaml:1:1 not part of a policy folder'],
    ['rules/sub/a.yaml', 'rules/sub/a.yaml:1:1 not part of a policy folder'],
    ['rules\\a.yaml', 'rules\\a.yaml:1:1 not part of a policy folder'],
    ['rules/a\n.yaml', 'rules/a?.yaml:1:1 not part of a policy folder'],
    ['rules/a\u202e.yaml', 'rules/a?.yaml:1:1 not part of a policy folder'],
    ['rules/a.txt', 'rules/a.txt:1:1 not part of a policy folder'],
    ['tests/a.yaml', 'tests/a.yaml:1:1 not part of a policy folder'],
    [`rules/${'a'.repeat(300)}.yaml`, expect.stringContaining('not part of a policy folder')],
  ])('are refused with a file called %j', (file, problem) => {
    expect(problemsWith(file)).toEqual([problem]);
  });

  it.each([
    ['aliases', BOMB, /^rules\/x\.yaml:\d+:\d+ (aliases|anchors) are not allowed/],
    ['deep nesting', NESTED, /^rules\/x\.yaml:1:\d+ (nested deeper than 32|YAML: )/],
    ['two documents', '--- 1\n--- 2\n', /^rules\/x\.yaml:\d+:\d+ YAML: /],
    ['too many bytes', '#'.repeat(262_145), /^rules\/x\.yaml:1:1 larger than 262144 bytes/],
    ['a lone surrogate', '- "\ud800"', /^rules\/x\.yaml:1:3 holds a lone surrogate/],
  ])('are refused with %s, at the place', (_what, text, problem) => {
    expect(problemsWith('rules/x.yaml', text)).toContainEqual(expect.stringMatching(problem));
  });

  it('are refused with too many files, and not all mistakes are shown', () => {
    const many = Array.from({ length: FILES_MAX }, (_, n) => [`rules/r${n}.yaml`, '']);
    const { problems, compiled } = found({ ...VALID, ...(Object.fromEntries(many) as Texts) });
    expect(problems).toContain(`.:1:1 more than ${FILES_MAX} files`);
    expect([problems.length, compiled]).toEqual([20, null]);
  });

  it.each(['', 'null', '[]', '{}', '{"files":null}', '{"files":{"keyturn.yaml":1},"environment":{}}', '{'])(
    'are refused where they are none: %s',
    (sources) => {
      expect(findingsOfSources({ sources })).toMatchObject({ compiled: null });
      expect(findingsOfSources({ sources }).problems).not.toEqual([]);
    },
  );

  it('read variables that come with them, and no others', () => {
    const files = { ...VALID, 'directory.yaml': VALID['directory.yaml'].replace(/\$\{.*\}/, '${HOME}') };
    expect(found(files).problems).toContain('directory.yaml:2:9 the environment variable HOME is not set');
    expect(found(files, { HOME: 'file:///root' }).problems.join()).toContain('not an issuer');
    const { problems, compiled } = found(files, { HOME: 'https://idp.example', PATH: '/bin' });
    expect([problems, compiled?.sources.environment]).toEqual([[], { HOME: 'https://idp.example' }]);
  });

  it('stay where they are compiled when they compile to much more than they are', () => {
    const environment = { TEST_ISSUER: `https://idp.example/${'x'.repeat(30_000)}` };
    const sources = JSON.stringify({ files: VALID, environment });
    const terms = { operators: [], issuers: ['https://idp.example'] };
    const { problems, compiled } = findingsOfSources({
      sources,
      proposal: { ...terms, bytesMax: 64 * 1024 },
    });
    expect([problems, compiled]).toEqual([['the policy compiles to more than 65536 bytes'], null]);
    const proposal = { ...terms, bytesMax: 256 * 1024 };
    expect(findingsOfSources({ sources, proposal }).problems).toEqual([]);
  });

  it('are checked where they are compiled when they would lock everybody out', () => {
    const proposal = {
      bytesMax: 64 * 1024,
      operators: ['user:ada' as const],
      issuers: ['https://idp.example'],
    };
    const settings = `${VALID['keyturn.yaml']}operators: [user:ada, user:olga]\n`;
    const evaluated = (files: Texts): readonly string[] =>
      findingsOfSources({ sources: JSON.stringify({ files, environment: {} }), proposal }).problems;
    expect(evaluated(VALID)).toEqual([expect.stringContaining('names no operators')]);
    expect(evaluated({ ...VALID, 'keyturn.yaml': settings })).toEqual([
      expect.stringContaining('0 of its operators could sign in'),
    ]);
  });

  it('give the same policy in whatever order they are sent', () => {
    const more = { ...VALID, 'rules/a.yaml': VALID['rules/sql.yaml'].replace('id: sql', 'id: first') };
    const turned = Object.fromEntries(Object.entries(more).reverse());
    expect(found(turned).compiled?.digest).toBe(found(more).compiled?.digest);
  });
});

/** Of the valid policy itself. */
const SHORT = expect.stringContaining('people_short') as string;

describe('changed files', () => {
  const base = found(VALID).compiled;
  const text = JSON.stringify(base?.sources);
  const commented = VALID['rules/sql.yaml'].replace('effect', 'because: Agreed # by nobody\n    effect');
  const changed = { ...VALID, 'rules/sql.yaml': commented };

  function against(sources: string | null, files: Texts = changed, environment: Texts = {}): PolicyFindings {
    const work = { sources: JSON.stringify({ files, environment }) };
    return findingsOfSources({ ...work, base: { digest: base?.digest ?? '', sources } });
  }

  it('are shown by line, with comments', () => {
    expect(against(text)).toMatchObject({
      warnings: [SHORT],
      files: [
        {
          file: 'rules/sql.yaml',
          diff: [
            '@@ -1 +1 @@',
            ' rules:',
            '   - id: sql',
            '     on: { action: [postgres.execute], env: [prod] }',
            '+    because: Agreed # by nobody',
            '     effect: review',
            '     require:',
            '       stages: [{ any: [group:dba], quorum: 1 }]',
          ].join('\n'),
        },
      ],
    });
  });

  it('are those that come and go too, and the variables', () => {
    const { 'rules/sql.yaml': moved, ...rest } = VALID;
    const { files } = against(
      text,
      { ...rest, 'rules/x.yaml': moved },
      { TEST_ISSUER: 'https://idp.example' },
    );
    expect(files.map(({ file, diff }) => [file, diff.split('\n')[1]])).toEqual([
      ['environment variables', '+TEST_ISSUER=https://idp.example'],
      ['rules/sql.yaml', '-rules:'],
      ['rules/x.yaml', '+rules:'],
    ]);
  });

  it.each([
    ['is stored without its files', null, 'was stored without its files'],
    ['is stored with other files', JSON.stringify({ files: changed, environment: {} }), 'does not follow'],
    ['is stored with what is no file', '[]', 'does not follow'],
  ])('are shown whole, which is said, where the active policy %s', (_what, sources, why) => {
    const { warnings, files } = against(sources);
    expect(warnings).toEqual([expect.stringContaining(`every line: the active policy ${why}`), SHORT]);
    expect(files.map(({ file }) => file)).toEqual(Object.keys(VALID).sort());
    expect(files.every(({ diff }) => /^@@ -1 \+1 @@(\n\+.*)+$/.test(diff))).toBe(true);
  });
});
