import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { documents, exists, filesBelow, quoted, read, shellLines } from './documents.ts';

const operating = read('docs/operating.md');
const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;

describe.each(documents)('%s', (document) => {
  const text = read(document);

  it('links only to files that exist', () => {
    const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map((match) => String(match[1]));
    for (const link of links.filter((target) => !/^https?:/.test(target))) {
      expect(exists(path.join(path.dirname(document), link)), link).toBe(true);
    }
  });

  it('names only files that exist', () => {
    const folders =
      /^(contract|domain|policy-authoring|policy-files|configuration|activities|workflows|database|sdk|apps|policies|scripts|test|docs|compose)\//;
    const files = quoted(text).filter((word) => folders.test(word) && /^[\w./-]+$/.test(word));
    for (const file of files) expect(exists(file), file).toBe(true);
  });

  it('runs only npm scripts and programs that exist', () => {
    const lines = [...shellLines(text), ...quoted(text)];
    for (const line of lines) {
      const script = /\bnpm run (?:-s )?([\w:]+)/.exec(line)?.[1];
      if (script) expect(scripts, line).toHaveProperty([script]);
      const program = /\bnode (scripts\/[\w./-]+)/.exec(line)?.[1];
      if (program) expect(exists(program), line).toBe(true);
      const compiled = /\bdist\/([\w./-]+)\.js/.exec(line)?.[1];
      if (compiled && compiled !== 'workflow-bundle') expect(exists(`${compiled}.ts`), line).toBe(true);
    }
  });

  it('uses only commands that the CLI has', () => {
    const known = commandsOfCli();
    const used = [...shellLines(text), ...quoted(text)].flatMap((line) =>
      [...line.matchAll(/(?:\bkeyturn --|^keyturn|\$ keyturn) +([a-z]+)/g)].map((match) => String(match[1])),
    );
    for (const command of used) expect(known, command).toContain(command);
  });

  it('is plain: no notes to ourselves', () => {
    expect(text).not.toMatch(/\b(TODO|FIXME|TBD|XXX)\b/);
  });
});

it('the operating manual names every variable that the processes read, and no other', () => {
  const sources = [
    'configuration/programs.ts',
    'configuration/migration.ts',
    'domain/execution/budgets.ts',
  ].map(read);
  const variables = new Set(
    sources.flatMap((source) => source.match(/\b(KEYTURN|TEMPORAL)_[A-Z_]+\b/g) ?? []),
  );
  // Read by Temporal's own library, which documents them.
  for (const name of ['API_KEY', 'TLS', 'TLS_CLIENT_CERT_PATH', 'TLS_SERVER_CA_CERT_PATH', 'TLS_SERVER_NAME'])
    variables.add(`TEMPORAL_${name}`);
  const section = operating.slice(operating.indexOf('## 3.'), operating.indexOf('## 4.'));
  const documented = new Set(section.match(/\b(KEYTURN|TEMPORAL)_[A-Z_]+\b/g));
  expect([...documented].sort()).toEqual([...variables].sort());
});

it('the operating manual gives each default as it is', () => {
  const pattern = /^ {2}((?:KEYTURN|TEMPORAL)_\w+): .*\.default\('?([^')]+)'?\)/gm;
  const defaults = [...read('configuration/programs.ts').matchAll(pattern)];
  expect(defaults.length).toBeGreaterThan(15);
  for (const [, name = '', value = ''] of defaults) {
    const row = operating.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${name}\``));
    expect(row, name).toContain(`\`${value.replaceAll('_', '')}\``);
  }
});

it('the README names every port of `npm start`, and no other', () => {
  const pattern = /^(?:\| `| {2})(KEYTURN_\w+_PORT)(?:`? \| `|: )(\d+)/gm;
  const [documented = [], ports] = ['README.md', 'scripts/start/settings.ts'].map((file) =>
    [...read(file).matchAll(pattern)].map(([, name, port]) => `${name} ${port}`),
  );
  expect(documented.length).toBeGreaterThan(5);
  expect(documented).toEqual(ports);
});

it('the operating manual names every metric, and no other', () => {
  const sources = [...filesBelow('apps'), ...filesBelow('activities')].filter((file) => file.endsWith('.ts'));
  const metrics = sources.flatMap((file) => namesIn(read(file), /name: '(keyturn_\w+)'/g));
  const section = operating.slice(operating.indexOf('## 11.'));
  expect(namesIn(section, /^\| `(keyturn_\w+)` \|/gm).sort()).toEqual(metrics.sort());
});

it('the operating manual justifies every image of the compose file', () => {
  const images = [...read('docker-compose.yml').matchAll(/^ +image: (\S+)$/gm)].map((match) =>
    String(match[1]),
  );
  expect(images.length).toBeGreaterThan(4);
  for (const image of images) expect(operating).toContain(`| \`${image}\` |`);
});

describe.each(filesBelow('docs/decisions'))('%s', (decision) => {
  it('has a number, a status, a date and says what was given up', () => {
    expect(path.basename(decision)).toMatch(/^\d{4}-[a-z0-9-]+\.md$/);
    const text = read(decision);
    expect(text).toMatch(new RegExp(`^# ${Number(path.basename(decision).slice(0, 4))}\\. `));
    expect(text).toMatch(/^Status: (accepted|superseded by \d+) · \d{4}-\d\d-\d\d/m);
    for (const heading of ['Context', 'Decision', 'What we gave up'])
      expect(text).toContain(`\n## ${heading}\n`);
  });
});

it('the license is Apache-2.0', () => {
  expect(read('LICENSE')).toMatch(/^\s+Apache License\n\s+Version 2\.0, January 2004\n/);
  expect(JSON.parse(read('package.json'))).toMatchObject({ license: 'Apache-2.0' });
});

function commandsOfCli(): string[] {
  return filesBelow('apps/cli/commands').flatMap((file) => namesIn(read(file), /\.command\('(\w+)/g));
}

/** What the first group of a pattern finds. */
function namesIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => String(match[1]));
}
